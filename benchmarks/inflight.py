"""Fifty requests in flight to five routes under real servers: which one is said to leak, and when.

One route leaks and one fills a bounded cache; the monitor is asked every 250 requests, until it
names a route. Runs differ in the order of the requests. Each run is kept in a file, so that an
interrupted series goes on where it was.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from results import FOLDER, arguments, environment, table, verdict, write_section

sys.path.insert(0, str(FOLDER.parent))

from tests.servers.inflight import IN_FLIGHT, KINDS, LIFTED, ONCE, run

SCRIPT = "inflight.py"
RUNS, MOST = 20, 8_000
KEPT = FOLDER / ".inflight.jsonl"


def main() -> None:
    args = arguments(__doc__)
    runs = 1 if args.quick else RUNS
    done = _done()
    for seed in range(runs):
        for kind in KINDS:
            if any(row["kind"] == kind and row["seed"] == seed for row in done):
                continue
            found = run(kind, LIFTED, most=MOST, seed=seed, tick_s=0.1)
            row = {"kind": kind, "seed": seed, **found}
            print(
                kind, seed, found["leaking"], found["sent"], f"{found['took_s']:.0f} s", flush=True
            )
            done.append(row)
            with KEPT.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    if args.quick:
        return
    distributions = ("gunicorn", "uvicorn", "starlette", "Flask")
    write_section("In flight", _section(done, environment(distributions, args.date, SCRIPT)))
    KEPT.unlink()
    once(args.date)


def once(date: str) -> None:
    """Servers and a heap that are tried once, what came out written down as it was."""
    cases = [(kind, 0) for kind in ONCE if kind != "gunicorn gevent" or find_spec("gevent")]
    rows = []
    for kind, objects in [*cases, ("gunicorn gthread", 3_000_000)]:
        found = run(kind, LIFTED, most=MOST, tick_s=0.1, objects=objects)
        title = f"{kind}, {objects:,} more objects" if objects else kind
        said = [text for what, text in found["routes"].values() if what == "leak"]
        rows.append([title, found["sent"], round(found["took_s"]), f"{found['overhead']:.0%}"])
        rows[-1].append(", ".join(said) or "nothing")
        print(*rows[-1], sep=" | ", flush=True)
    head = ["server", "requests", "seconds", "own CPU", "what was said"]
    text = "One run each, as in *In flight*; nothing of this is a target."
    made_by = environment(("gunicorn", "Flask"), date, SCRIPT)
    write_section("In flight, once", "\n\n".join([made_by, text, table(head, rows)]))


def _done() -> list[dict[str, Any]]:
    if not Path(KEPT).exists():
        return []
    return [json.loads(line) for line in KEPT.read_text(encoding="utf-8").splitlines()]


def _section(done: list[dict[str, Any]], made_by: str) -> str:
    rows = []
    for kind in dict.fromkeys(row["kind"] for row in done):
        found = [row for row in done if row["kind"] == kind]
        right = sum(_is_right(row) for row in found)
        sent = [row["sent"] for row in found]
        rows.append(
            [
                kind,
                f"{right} of {len(found)}",
                round(median(sent)),
                max(sent),
                f"{median(row['overhead'] for row in found):.0%}",
                ", ".join(sorted({name for row in found for name in row["attributions"]})),
                verdict(right == len(found)),
            ]
        )
    head = ["server", "right", "requests, median", "most", "own CPU", "windows are", "target: all"]
    return "\n\n".join(
        [
            made_by,
            f"{IN_FLIGHT} requests in flight to five routes, of which one leaks and one fills a "
            "bounded cache. So that a run is short, four requests of ten are watched, the budget "
            "is lifted, and the background looks ten times a second instead of once. "
            "*Right*: the leaking route is named, no other route is, and nothing else is said to "
            "grow. The monitor is asked every 250 requests.",
            table(head, rows),
        ]
    )


def _is_right(row: dict[str, Any]) -> bool:
    others = [name for name in row["leaking"] if not name.startswith("/leak/")]
    return bool(row["leaking"]) and not others and not row["unattributed"]


if __name__ == "__main__":
    main()
