"""Starlette with Pympler.

Run `uvicorn starlette_app:app`, open http://127.0.0.1:8000/notes/hello and reload it some times.
"""

import logging

from pympler_asgi import MemoryMiddleware
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

logging.basicConfig(level=logging.INFO)  # Pympler logs a line for each request that it watched

NOTES: list[list[str]] = []


async def note(request: Request) -> JSONResponse:
    NOTES.append([request.path_params["text"]])  # never removed: a leak
    return JSONResponse({"notes": len(NOTES)})


app = Starlette(routes=[Route("/notes/{text}", note)])
# This is all. It watches every request; without sample_rate, one in ten.
app.add_middleware(MemoryMiddleware, sample_rate=1.0)
