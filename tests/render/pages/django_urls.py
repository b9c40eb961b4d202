"""The URLs of a Django project with the pages."""

from pympler_django.urls import pympler_urls

urlpatterns = pympler_urls()
