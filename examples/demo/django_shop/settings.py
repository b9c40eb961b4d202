"""Settings of the Django shop: no database, no sessions, one middleware."""

from memory import SETTINGS

SECRET_KEY = "only for the demo, on the loopback interface"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "django_shop.urls"
INSTALLED_APPS = ["pympler_django"]
MIDDLEWARE = ["pympler_django.middleware.MemoryMiddleware"]
PYMPLER = SETTINGS
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["templates"]},
]
USE_TZ = True
