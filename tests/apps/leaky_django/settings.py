"""Settings of a Django project without a database."""

SECRET_KEY = "for tests"
DEBUG = False
ALLOWED_HOSTS = ["shop.example"]
ROOT_URLCONF = "leaky_django.urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS: list[str] = []
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
USE_TZ = True
