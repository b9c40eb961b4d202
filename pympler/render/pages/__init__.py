"""The pages: reports of all workers in a browser, the same in every framework.

:class:`Pages` is a function from a request to its response and knows of no framework; what stands
between it and one is an adapter of a few lines. :mod:`~pympler.render.pages.access` says who may
see them. Needs Jinja2, the extra ``pympler[web]``.
"""

from __future__ import annotations

from pympler.render.pages.access import Access
from pympler.render.pages.checked import render_check
from pympler.render.pages.request import (
    MOST_BODY_BYTES,
    PageRequest,
    PageResponse,
    parse_form,
    parse_query,
    read_headers,
)
from pympler.render.pages.site import Pages

__all__ = [
    "MOST_BODY_BYTES",
    "Access",
    "PageRequest",
    "PageResponse",
    "Pages",
    "parse_form",
    "parse_query",
    "read_headers",
    "render_check",
]
