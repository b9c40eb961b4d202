"""How many requests it takes a live monitor with default settings to confirm a leak.

A quarter of the requests goes to a route that leaks, a quarter to one that fills a bounded cache,
the rest to two that leave nothing. They come at a steady rate, from as many clients as it takes,
until the leak is confirmed with its holder and line.
"""

from __future__ import annotations

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from results import FOLDER, arguments, environment, table, write_section

sys.path.insert(0, str(FOLDER.parent))

from tests.servers.inflight import get, server, summary_of

SCRIPT = "live.py"
GUNICORN = [
    *("gunicorn", "--workers", "1", "--threads", "8", "--bind", "fd://{fd}"),
    *("--worker-connections", "200"),
]
KINDS = {
    "Flask, gunicorn gthread": [*GUNICORN, "benchmarks.live_app:flask()"],
    "Django, gunicorn gthread": [*GUNICORN, "benchmarks.live_app:django()"],
    "Starlette, uvicorn": [
        *("uvicorn", "--log-level", "warning", "--fd", "{fd}", "--factory"),
        "benchmarks.live_app:starlette",
    ],
}
CASES = ((50, 0), (300, 0), (50, 1_000_000))
MOST = 8_000
NAMES = ("leak", "cache", "rows", "search")


def run(kind: str, per_s: int, objects: int, most: int = MOST) -> dict[str, Any]:
    """Send requests until the leak is confirmed, or so many have been sent."""
    draw = random.Random(1)

    def send(number: int) -> None:
        get(port, f"/{draw.choice(NAMES)}/{number}")

    with server(KINDS[kind], {}, OBJECTS=str(objects)) as port, ThreadPoolExecutor(16) as clients:
        get(port, "/rows/1")
        started_s = time.monotonic()
        sent, pending = 0, []
        suspected = None
        found: dict[str, Any] = {}
        while sent < most:
            for _ in range(max(per_s // 2, 1)):
                time.sleep(max(started_s + sent / per_s - time.monotonic(), 0.0))
                pending.append(clients.submit(send, sent))
                sent += 1
            for each in pending:
                each.result()
            pending.clear()
            found = summary_of(port)
            headlines = [text for _, text in found["routes"].values()]
            if suspected is None and any("LEAKED" in text for text in headlines):
                suspected = sent
            wrong = [text for what, text in found["routes"].values() if what == "leak"]
            if any("LEAKED" in text and "stored at" in text for text in wrong):
                break
    return {
        **found,
        "sent": sent,
        "suspected": suspected,
        "took_s": time.monotonic() - started_s,
        "said": wrong,
    }


def main() -> None:
    args = arguments(__doc__)
    rows = []
    for per_s, objects in CASES[:1] if args.quick else CASES:
        for kind in KINDS:
            found = run(kind, per_s, objects)
            rows.append(
                [
                    kind,
                    f"{found['sent'] / found['took_s']:.0f} a second",
                    f"{objects:,}",
                    found["suspected"] or "never",
                    found["sent"] if found["said"] else f"none in {found['sent']}",
                    f"{found['took_s']:.0f} s",
                    f"{found['windows']:,}",
                    f"{found['overhead']:.2%}",
                    "; ".join(found["said"]) or "nothing",
                ]
            )
            print(*rows[-1], sep=" | ", flush=True)
    head = [
        *("server", "requests", "more objects", "holder after", "leak with line after", "in"),
        *("windows", "own CPU", "what was said"),
    ]
    text = (
        "Default settings. A quarter of the requests goes to the leak. *Holder after*: requests to "
        "all routes until it was under watch, looked at twice a second."
    )
    if not args.quick:
        made_by = environment(
            ("gunicorn", "uvicorn", "Flask", "Django", "starlette"), args.date, SCRIPT
        )
        write_section("Live", "\n\n".join([made_by, text, table(head, rows)]))


if __name__ == "__main__":
    main()
