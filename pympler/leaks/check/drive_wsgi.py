"""Requests to a WSGI application, in-process."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any
from urllib.parse import unquote_to_bytes

from pympler.errors import ApplicationError
from pympler.leaks.check.drive import Answer, NotAnswered, alarm, all_headers, host_name, target
from pympler.leaks.check.load import describe_error
from pympler.leaks.check.request import Request

__all__ = ["WsgiDriver"]

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType]


class WsgiDriver:
    """Sends requests to a WSGI application and reads their answers to the end.

    Args:
        application: the application; timeout_s: seconds that a request may take.

    Example:
        >>> def application(environ, start_response):
        ...     start_response("200 OK", [("Content-Type", "text/plain")])
        ...     return [b"hello"]
        >>> WsgiDriver(application, timeout_s=10).request(Request("/")).status
        200
    """

    def __init__(self, application: Callable[..., Any], *, timeout_s: float) -> None:
        self._application = application
        self._timeout_s = timeout_s
        self._host = host_name()

    def request(self, request: Request, *, keep: bool = False) -> Answer:
        """Send one request and read its whole answer.

        Raises:
            ApplicationError: if the application raises, ends the program, or takes too long.
        """
        try:
            with alarm(self._timeout_s):
                return self._run(request, keep)
        except (KeyboardInterrupt, GeneratorExit, ApplicationError):
            raise
        except NotAnswered as error:
            raise ApplicationError(f"gave no answer within {self._timeout_s:g} s") from error
        except SystemExit as error:
            raise ApplicationError(f"ended the program: {describe_error(error)}") from error
        except BaseException as error:
            raise ApplicationError(f"raised {describe_error(error)}") from error

    def settle(self) -> None:
        """Nothing to do: what a WSGI application does is done when its answer has been read."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def close(self) -> None:
        """Nothing to do: WSGI knows no shutdown."""

    def trace_pools(self, function: Any) -> None:
        """Trace threads that a request starts; the application runs in this one."""
        if not hasattr(threading, "settrace_all_threads"):  # else the tracer has done so
            threading.settrace(function)

    def _run(self, request: Request, keep: bool) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        parts: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None
        ) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return parts.append if keep else len  # write(); what is read is forgotten

        body: Iterable[bytes] = self._application(self._environ(request), start_response)
        try:
            for part in body:
                if not isinstance(part, bytes):
                    raise ApplicationError(
                        f"answered with a {type(part).__name__} in its body, where WSGI has bytes"
                    )
                if keep:
                    parts.append(part)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        if not started:
            raise ApplicationError("answered without a call of start_response")
        status, headers = started[0]
        location = next((value for name, value in headers if name.lower() == "location"), "")
        if keep:
            return Answer(_status_code(status), location, tuple(headers), b"".join(parts))
        return Answer(_status_code(status), location)

    def _environ(self, request: Request) -> dict[str, Any]:
        encoded, query = target(request.path)
        fields = {
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in all_headers(request, self._host)
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if f"HTTP_{name}" in fields:
                fields[name] = fields.pop(f"HTTP_{name}")
        return {
            **fields,
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(encoded).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": self._host,
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }


def _status_code(status: object) -> int:
    code = status.partition(" ")[0] if isinstance(status, str) else ""
    if not (code.isdecimal() and len(code) == 3):
        raise ApplicationError(f"answered with the status {status!r}, which is none")
    return int(code)
