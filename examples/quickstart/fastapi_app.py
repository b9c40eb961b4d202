"""FastAPI with Pympler.

Run `uvicorn fastapi_app:app`, open http://127.0.0.1:8000/notes/hello and reload it some times.
"""

import logging

from fastapi import FastAPI
from pympler_asgi import MemoryMiddleware

logging.basicConfig(level=logging.INFO)  # Pympler logs a line for each request that it watched

app = FastAPI()
# This is all. It watches every request; without sample_rate, one in ten.
app.add_middleware(MemoryMiddleware, sample_rate=1.0)

NOTES: list[list[str]] = []


@app.get("/notes/{text}")
async def note(text: str) -> dict[str, int]:
    NOTES.append([text])  # never removed: a leak
    return {"notes": len(NOTES)}
