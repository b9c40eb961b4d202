"""What Django's test client leaves behind with each request, and what is no fault of the test."""

from __future__ import annotations

import sys
import weakref
from typing import Any

__all__ = ["ClientFinalizers"]


class ClientFinalizers:
    """The finalizers that Django's signals make whenever something is connected to them.

    The test client connects ``close_old_connections`` and itself anew with each request. The first
    of them is a function, which lives for ever, and with it its finalizers (Django 5.2).
    """

    def __init__(self) -> None:
        self._known = set(_registry())

    def new(self) -> list[Any]:
        """Those that were made since, of whatever."""
        return [each for each in list(_registry()) if each not in self._known]

    def forget(self) -> None:
        """Detach those of Django that were made since."""
        function = getattr(sys.modules.get("django.db"), "close_old_connections", None)
        client = getattr(sys.modules.get("django.test.client"), "RequestFactory", None)
        if function is None or client is None:
            return
        for finalizer in self.new():
            found = finalizer.peek()
            if found is not None and (found[0] is function or isinstance(found[0], client)):
                finalizer.detach()


def _registry() -> dict[Any, Any]:
    found = getattr(weakref.finalize, "_registry", None)
    return found if type(found) is dict else {}
