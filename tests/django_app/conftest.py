"""One Django project for the tests of this folder, configured once for the process."""

from __future__ import annotations

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DEBUG=False,
        INSTALLED_APPS=["pympler_django"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=["pympler_django.middleware.MemoryMiddleware"],
        ROOT_URLCONF="tests.django_app.urls",
        SECRET_KEY="for tests only",
        USE_TZ=True,
    )
    django.setup()
