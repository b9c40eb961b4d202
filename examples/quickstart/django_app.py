"""Django with Pympler, in a single file.

Run `python django_app.py runserver`, open http://127.0.0.1:8000/notes/hello and reload it some
times.
"""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    DEBUG=True,
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["pympler_django"],
    MIDDLEWARE=["pympler_django.middleware.MemoryMiddleware"],  # this is all
    PYMPLER={"sample_rate": 1.0},  # watch every request; without this, one in ten
    LOGGING={  # Pympler logs a line for each request that it watched
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"pympler": {"handlers": ["console"], "level": "INFO"}},
    },
)

NOTES: list[list[str]] = []


def note(request: HttpRequest, text: str) -> JsonResponse:
    NOTES.append([text])  # never removed: a leak
    return JsonResponse({"notes": len(NOTES)})


urlpatterns = [path("notes/<str:text>", note)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
