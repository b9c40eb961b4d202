"""An application with the middleware in front of it, which watches each request."""

from __future__ import annotations

from pympler.wsgi import MemoryMiddleware
from tests.apps import bare_wsgi

app = MemoryMiddleware(bare_wsgi.app, sample_rate=1.0, log_level="DEBUG")
