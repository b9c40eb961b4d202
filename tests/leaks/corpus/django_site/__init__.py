"""A small project in Django."""
