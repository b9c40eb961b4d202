"""The addresses: each view stands under its own name, its twin beside it."""

from __future__ import annotations

from django.urls import path
from django_site import views

NAMES = [
    "receiver",
    "orders",
    "total",
    "model",
    "observers",
    "templates",
    "cached",
    "tasks",
    "channels",
    "stream",
]
urlpatterns = [
    *[path(f"{name}/<int:n>", getattr(views, name)) for name in NAMES],
    *[path(f"{name}-fixed/<int:n>", getattr(views, f"{name}_fixed")) for name in NAMES],
    path("page/<int:n>", views.Page.as_view()),
    path("page-fixed/<int:n>", views.PageFixed.as_view()),
    *[path(f"{name}/<int:n>", views.ok) for name in ("durations", "by-path")],
    *[path(f"{name}-fixed/<int:n>", views.ok) for name in ("durations", "by-path")],
]
