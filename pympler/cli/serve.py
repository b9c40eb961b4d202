"""``pympler serve``: the pages of an application's store, without the application."""

from __future__ import annotations

import argparse
import ipaddress
import os
import platform
import secrets
import sys
from typing import Any

from pympler.cli import stores
from pympler.errors import StoreError, UsageError

__all__ = ["add_parser", "run"]

_ANY = ("0.0.0.0", "::", "")
_DESCRIPTION = """\
Shows what the workers of an application have reported, in a browser: the same pages as in the
application itself. It listens on this machine alone unless told otherwise.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "serve",
        help="show the reports of an application in a browser",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stores.add_arguments(parser)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (%(default)s); beyond this machine a token is asked for",
    )
    parser.add_argument(
        "--port", type=_port, default=8090, metavar="N", help="port to listen on (%(default)s)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name under which the pages answer, besides the local ones and the address",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted; returns the exit code."""
    try:
        from pympler.render.pages import Access, Pages
        from pympler.web import PagesServer
    except ImportError as error:
        return _fail(error)
    local = _is_local(arguments.host)
    token = os.environ.get("PYMPLER_TOKEN", "")
    if not (token or local):
        token = secrets.token_urlsafe(24)
    try:
        store = stores.find_store(arguments)
    except (StoreError, UsageError) as error:
        return _fail(error)
    shown = platform.node() if arguments.host in _ANY else _written(arguments.host)
    hosts = (*arguments.allow_host, *(() if local else (shown.lower(),)))
    pages = Pages(lambda: store, Access(pages=True, allowed_hosts=hosts, token=token))
    try:
        server = PagesServer(pages, arguments.host, arguments.port)
    except OSError as error:
        store.close()
        return _fail(f"cannot listen on {arguments.host} port {arguments.port}: {error.strerror}")
    try:
        address = server.url if local else f"http://{shown}:{server.port}/?token={token}"
        print(f"Reports at {address}", flush=True)
        print("Ctrl-C ends it.", flush=True)
        server.serve_forever()
    except KeyboardInterrupt:
        print(file=sys.stderr)
    finally:
        server.close()
        store.close()
    return 0


def _fail(reason: object) -> int:
    print(f"pympler serve: error: {reason}", file=sys.stderr)
    return 2


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; use 0 to 65535")
    return int(text)
