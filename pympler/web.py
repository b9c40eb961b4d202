"""The pages on a port of their own, for this machine alone unless told otherwise.

Almost as easy as a breakpoint, in any program::

    from pympler.web import start_in_background
    start_in_background()

Needs Jinja2, the extra ``pympler[web]``.
"""

from __future__ import annotations

import logging
import os
import platform
import secrets
import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from pympler.classtracker import ClassTracker
from pympler.classtracker_stats import Stats
from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.settings import OWN_ROUTE, Settings
from pympler.lifetimes.picture import Picture
from pympler.render.pages import Access, Pages
from pympler.render.pages.from_wsgi import wsgi_pages
from pympler.render.pages.profiler import NAVIGATION, views_of

__all__ = ["PagesServer", "ProfilerThread", "start_in_background", "start_profiler"]

_TIMEOUT_S = 30.0
_POLL_S = 0.1
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ANY = ("0.0.0.0", "::", "")

logger = logging.getLogger("pympler")


class PagesServer:
    """Serves pages over HTTP, on 127.0.0.1 unless another address is given.

    Args:
        pages: what to serve, at the root of the server.
        host: address to listen on.
        port: port to listen on, 0 for any that is free.

    Attributes:
        url: where the pages are; port: the port of it.

    Raises:
        OSError: if the address cannot be listened on.

    Example:
        >>> from pympler.render.pages import Access, Pages
        >>> from pympler.store.memory import MemoryStore
        >>> store = MemoryStore(keep=10)
        >>> server = PagesServer(Pages(lambda: store, Access(pages=True)), port=0)
        >>> server.start()
        >>> server.url.startswith("http://127.0.0.1:")
        True
        >>> server.close()
    """

    def __init__(
        self,
        pages: Pages,
        host: str = "127.0.0.1",
        port: int = 8090,
        *,
        log_level: int = logging.DEBUG,
    ) -> None:
        kind = _ServerOfIPv6 if ":" in host else _Server
        self._server = kind((host, port), _Handler)
        self._server.set_app(wsgi_pages(pages))
        self._server.log_level = log_level
        self._thread: threading.Thread | None = None
        self.port = int(self._server.server_address[1])
        self.url = f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def start(self) -> None:
        """Serve in a thread of its own, until :meth:`close`.

        Raises:
            RuntimeError: if it serves already.
        """
        if self._thread is not None:
            raise RuntimeError("the server was started already")
        self._thread = threading.Thread(
            target=self.serve_forever, name="pympler-pages", daemon=True
        )
        self._thread.start()

    def serve_forever(self) -> None:
        """Serve in this thread, until an exception such as ``KeyboardInterrupt`` comes."""
        self._server.serve_forever(_POLL_S)

    def shutdown(self) -> None:
        """End :meth:`serve_forever`, which runs in another thread, and wait until it has ended."""
        self._server.shutdown()

    def close(self) -> None:
        """Stop serving and let go of the port; may be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._server.shutdown()
            thread.join()
        self._server.server_close()


class ProfilerThread(threading.Thread):
    """The profiler in the background; made by :func:`start_in_background`.

    Attributes:
        url: where its pages are, with the token that lets in who is not on this machine.
    """

    def __init__(self, server: PagesServer, monitor: LeakMonitor, url: str) -> None:
        super().__init__(name="Pympler web frontend", daemon=True)
        self._server = server
        self._monitor = monitor
        self._lock = threading.Lock()
        self._stopped = False
        self.url = url

    def run(self) -> None:
        """Serve; called by the thread."""
        self._server.serve_forever()

    def stop(self) -> None:
        """Stop serving, and let go of the port and of what was kept; may be called twice."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
        if self.is_alive():
            self._server.shutdown()
            self.join()
        self._server.close()
        self._monitor.close()


def start_profiler(
    host: str = "localhost",
    port: int = 8090,
    tracker: ClassTracker | None = None,
    stats: Stats | None = None,
    debug: bool = False,
    *,
    quiet: bool = False,
    token: str = "",
) -> None:
    """Show this process in a browser until interrupted: memory, threads, heap, garbage, classes.

    Args:
        host: address to listen on. Beyond this machine a token is asked for.
        port: port to listen on, 0 for any that is free.
        tracker: a class tracker whose classes are shown.
        stats: statistics to show in place of a tracker, such as those of a dump.
        debug: log each request.
        quiet: do not log the address.
        token: lets in who is not on this machine; by default ``PYMPLER_TOKEN`` of the
            environment, else one that is made up.

    Raises:
        OSError: if the address cannot be listened on.
    """
    thread = _make(host, port, tracker, stats, debug=debug, quiet=quiet, token=token)
    try:
        thread.run()
    except KeyboardInterrupt:
        pass
    finally:
        thread.stop()


def start_in_background(
    host: str = "localhost",
    port: int = 8090,
    tracker: ClassTracker | None = None,
    stats: Stats | None = None,
    debug: bool = False,
    *,
    quiet: bool = False,
    token: str = "",
) -> ProfilerThread:
    """Start the profiler in a daemon thread, and go on.

    Takes the arguments of :func:`start_profiler`.

    Returns:
        The thread, with its ``url`` and ``stop()``.

    Raises:
        OSError: if the address cannot be listened on.

    Example:
        >>> thread = start_in_background(port=0, quiet=True)
        >>> thread.url.startswith("http://127.0.0.1:")
        True
        >>> thread.stop()
    """
    thread = _make(host, port, tracker, stats, debug=debug, quiet=quiet, token=token)
    thread.start()
    return thread


def _make(
    host: str,
    port: int,
    tracker: ClassTracker | None,
    stats: Stats | None,
    *,
    debug: bool,
    quiet: bool,
    token: str,
) -> ProfilerThread:
    source = stats if stats is not None else Stats(tracker=tracker) if tracker is not None else None

    def picture() -> Picture | None:
        return source.picture if source is not None else None

    local = host in _LOCAL
    token = token or os.environ.get("PYMPLER_TOKEN", "")
    if not (token or local):
        token = secrets.token_urlsafe(24)
    shown = platform.node() if host in _ANY else host
    settings = Settings.from_mapping({"store": "memory:", "sample_rate": 1.0})
    monitor = LeakMonitor(settings)
    access = Access(pages=True, allowed_hosts=() if local else (shown.lower(),), token=token)
    pages = Pages(lambda: monitor.store, access, views=views_of(picture), navigation=NAVIGATION)
    try:
        address = "127.0.0.1" if host == "localhost" else host
        level = logging.WARNING if debug else logging.DEBUG
        server = PagesServer(pages, address, port, log_level=level)
    except BaseException:
        monitor.close()
        raise
    # A first request, of which nothing is reported: with it the monitor's thread begins to write
    # down the memory of the process, and to do what the pages ask for.
    monitor.begin().finish(OWN_ROUTE)
    monitor.write_down()
    url = server.url if local else f"http://{shown}:{server.port}/?token={token}"
    if not quiet:
        logger.warning("the web profiler is at %s", url)
    return ProfilerThread(server, monitor, url)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32
    log_level = logging.DEBUG

    def server_bind(self) -> None:
        """Bind without the look-up of a name that ``HTTPServer`` does, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who leaves in the middle of an answer is nothing to report."""


class _ServerOfIPv6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _TIMEOUT_S
    protocol_version = "HTTP/1.0"

    def address_string(self) -> str:
        return str(self.client_address[0])

    def log_message(self, format: str, *args: Any) -> None:
        """A line for the log; standard error may be the terminal of a command."""
        if isinstance(self.server, _Server):
            logger.log(self.server.log_level, format, *args)
