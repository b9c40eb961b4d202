"""Routes of the Django shop."""

from django.urls import path

from django_shop import views

urlpatterns = [
    path("", views.home),
    path("search/<str:words>", views.search),
    path("products/<int:sku>", views.product),
    path("carts/<int:number>", views.add_to_cart),
    path("orders/<int:number>", views.order),
    path("memory.json", views.memory),
]
