"""Settings of the project: as little as it needs."""

SECRET_KEY = "not a secret"
DEBUG = False
ALLOWED_HOSTS = ["shop.example"]
ROOT_URLCONF = "django_site.urls"
MIDDLEWARE = ["django_site.middleware.Timing"]
INSTALLED_APPS: list[str] = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
