"""What Django's tools for tests leave behind each time, and what is no fault of the test."""

from __future__ import annotations

import sys
import weakref
from types import FunctionType
from typing import Any

__all__ = ["ClientFinalizers"]


class ClientFinalizers:
    """The finalizers that Django's signals make whenever something is connected to them.

    The test client connects ``close_old_connections`` and itself anew with each request, and
    ``assertNumQueries`` ``reset_queries``. Functions live for ever, and with them their finalizers
    (Django 5.2).
    """

    def __init__(self) -> None:
        self._known = set(_registry())

    def new(self) -> list[Any]:
        """Those that were made since, of whatever."""
        return [each for each in list(_registry()) if each not in self._known]

    def forget(self) -> None:
        """Detach those of Django that were made since."""
        signal = getattr(sys.modules.get("django.dispatch"), "Signal", None)
        if signal is None:
            return
        for finalizer in self.new():
            found = finalizer.peek()
            if found is None or not isinstance(getattr(found[1], "__self__", None), signal):
                continue
            if _is_of_django(found[0]):
                finalizer.detach()


def _is_of_django(receiver: Any) -> bool:
    if type(receiver) is FunctionType:
        return str(receiver.__module__).startswith("django.")
    client = getattr(sys.modules.get("django.test.client"), "RequestFactory", None)
    return client is not None and isinstance(receiver, client)


def _registry() -> dict[Any, Any]:
    found = getattr(weakref.finalize, "_registry", None)
    return found if type(found) is dict else {}
