"""The pages on a port of their own, for this machine alone unless told otherwise.

Needs Jinja2, the extra ``pympler[web]``.
"""

from __future__ import annotations

import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from pympler.render.pages import Pages
from pympler.render.pages.from_wsgi import wsgi_pages

__all__ = ["PagesServer"]

_TIMEOUT_S = 30.0
_POLL_S = 0.1


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

    def __init__(self, pages: Pages, host: str = "127.0.0.1", port: int = 8090) -> None:
        kind = _ServerOfIPv6 if ":" in host else _Server
        self._server = kind((host, port), _Handler)
        self._server.set_app(wsgi_pages(pages))
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

    def close(self) -> None:
        """Stop serving and let go of the port; may be called twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._server.shutdown()
            thread.join()
        self._server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

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
        """Nothing is logged: standard error is the terminal of the command."""
