"""What it costs to ask, per request, what has changed: other tools and Pympler's windows.

Each peer runs in a process and an environment of its own (Pympler 1.1 has our import name), on a
heap of a million live objects. It looks once per request, its last look serving as the first one
of the next request, which is the cheapest way to use it. Ours is the added CPU time per request,
mean over all requests, as in ``cost.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median
from typing import Any

from cost import Figures
from peers_child import PEERS
from results import FOLDER, arguments, environment, run_child, table, verdict, write_section

SCRIPT = "peers.py"
OBJECTS = 1_000_000
CAP_S = 180.0
REPEATS = 3
TARGET = 1000
REQUIREMENTS = {
    "pympler": "Pympler==1.1",
    "objgraph": "objgraph==3.7.0",
    "guppy": "guppy3==3.1.7",
    "tracemalloc": "",
}


def main() -> None:
    args = arguments(__doc__)
    objects = OBJECTS // 10 if args.quick else OBJECTS
    ours = [
        run_child("cost.py", framework="Flask", objects=objects, mode=mode, pairs=4000)
        for mode in ("default", "unlimited")
        for _ in range(REPEATS)
    ]
    peers: dict[str, Figures | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in PEERS:
            peers[name] = _measure(name, Path(folder) / name, objects)
            print(name, peers[name])
    body = _section(ours, peers, environment(("Flask",), args.date, SCRIPT))
    print(body)
    if not args.quick:
        write_section("Peers", body)


def _measure(name: str, folder: Path, objects: int) -> Figures | None:
    """Seconds of one look, or ``None`` if the peer takes longer than the cap."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if REQUIREMENTS[name]:
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*install, REQUIREMENTS[name]], check=True)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [str(python), str(FOLDER / "peers_child.py"), name, str(objects), str(REPEATS)],
            stdout=subprocess.PIPE,
            timeout=CAP_S,
            check=True,
            env=clean,
        )
    except subprocess.TimeoutExpired:
        return None
    found: Figures = json.loads(done.stdout)
    return found


def _section(ours: list[Figures], peers: dict[str, Figures | None], made_by: str) -> str:
    halves = {"default settings": ours[:REPEATS], "budget lifted": ours[REPEATS:]}
    rows: list[list[Any]] = []
    cheapest = min(found["look"] for found in peers.values() if found is not None)
    mean_us = max(median(run["cpu"] for run in runs) for runs in halves.values())
    window_us = max(median(run["windowed"] for run in runs) for runs in halves.values())
    for name, found in peers.items():
        if found is None:
            rows.append([PEERS[name].text, f"> cap of {CAP_S:.0f} s", "", ""])
            continue
        look_us = found["look"] * 1e6
        rows.append(
            [
                f"{PEERS[name].text} ({found_version(name)})",
                f"{look_us / 1e3:,.0f} ms",
                f"{look_us / mean_us:,.0f}",
                f"{look_us / window_us:,.0f}",
            ]
        )
    for text, runs in halves.items():
        middle_us = median(run["cpu"] for run in runs)
        rows.append([f"this project, Flask, {text}", f"{middle_us:.1f} us", "", ""])
    ratio = cheapest * 1e6 / mean_us
    return "\n\n".join(
        [
            made_by,
            f"{OBJECTS:,} live objects. Per request, a peer looks once (median of {REPEATS} looks "
            "after a first one that is not counted, nothing between them but a view that builds "
            "200 dicts and lists); this project adds its mean CPU time over all requests, most of "
            f"which get no window (median of {REPEATS} processes, as in *Cost per request*). "
            f"Ratios: to the higher mean of ours, {mean_us:.1f} us, and to the higher median of "
            f"a request with a window, {window_us:.0f} us, the fairest comparison for one request.",
            table(["per request", "cost", "times ours", "times our window"], rows),
            f"Target: at least {TARGET:,} times cheaper than the cheapest: {ratio:,.0f} times, "
            f"{verdict(ratio >= TARGET)}.",
        ]
    )


def found_version(name: str) -> str:
    """The version that was measured."""
    pinned = REQUIREMENTS[name].partition("==")[2]
    return pinned or f"CPython {sys.version_info.major}.{sys.version_info.minor}"


if __name__ == "__main__":
    main()
