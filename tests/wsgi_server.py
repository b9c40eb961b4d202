"""A WSGI server for tests: it calls an application and keeps every byte and what it was told."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from wsgiref.util import FileWrapper

__all__ = ["Served", "environ_of", "serve"]

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass
class Served:
    """What came back from an application.

    Attributes:
        starts: the arguments of each call of ``start_response``, an exc_info as its type's name.
        chunks: what was written and iterated, in order.
        length: ``len()`` of the response if it has one.
        is_file: whether a server would take the response for its file wrapper.
        error: type and message of what the application or its response raised.
    """

    starts: list[tuple[object, ...]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    length: int | None = None
    is_file: bool = False
    error: str = ""


def environ_of(path: str = "/", method: str = "GET", **more: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        **more,
    }


def undated(header: tuple[str, str]) -> tuple[str, str]:
    """The header, a Date of now without its value: two requests may see different seconds."""
    name, value = header
    if name == "Date" and abs(parsedate_to_datetime(value).timestamp() - time.time()) < 60:
        return name, "now"
    return name, value


def serve(
    app: App,
    environ: dict[str, Any] | None = None,
    *,
    at_most: int | None = None,
    catch: bool = True,
) -> Served:
    """Call the application, read its response (``at_most`` so many chunks), and close it."""
    environ = environ_of() if environ is None else environ
    served = Served()

    def start_response(status: str, headers: Any, *rest: Any, **named: Any) -> Any:
        info = [item[0].__name__ for item in [*rest, *named.values()] if item]
        served.starts.append((status, tuple(map(undated, headers)), *info))
        return served.chunks.append

    try:
        result: Any = app(environ, start_response)
        served.is_file = isinstance(result, environ["wsgi.file_wrapper"])
        served.length = len(result) if hasattr(result, "__len__") else None
        try:
            if at_most != 0:
                for count, chunk in enumerate(result, start=1):
                    served.chunks.append(chunk)
                    if count == at_most:
                        break
        finally:
            if hasattr(result, "close"):
                result.close()
    except Exception as error:
        if not catch:
            raise
        served.error = f"{type(error).__name__}: {error}"
    return served
