"""How fast the compiled walk is: beside peers, and beside a collection of the same heap.

Each peer is in an environment of its own, with the same Python. Figures are seconds of the
processor, the best of some, each task in a process of its own; a peer is ended at a cap.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from results import FOLDER, arguments, environment, table, verdict, write_section

CAP_S = 120.0
REQUIREMENTS = {
    "pympler": "Pympler==1.1",
    "objsize": "objsize==0.8.0",
    "guppy": "guppy3",
    "objgraph": "objgraph",
}
NAMES = {
    "pympler": "Pympler 1.1",
    "objsize": "objsize 0.8.0",
    "guppy": "guppy3",
    "objgraph": "objgraph",
}
Figures = dict[str, float]
Found = dict[tuple[str, str, int], Figures | None]


def main() -> None:
    args = arguments(__doc__)
    share = 20 if args.quick else 1
    thousand, million, ten = 100_000 // share, 1_000_000 // share, 10_000_000 // share
    found: Found = {}
    with tempfile.TemporaryDirectory() as folder:
        pythons = {"ours": sys.executable}
        for name, requirement in REQUIREMENTS.items():
            venv.create(Path(folder) / name, with_pip=True)
            pythons[name] = str(Path(folder) / name / "bin" / "python")
            subprocess.run([pythons[name], "-m", "pip", "install", "-q", requirement], check=True)
        plan = [("records", tool, thousand, 3) for tool in ("ours", "pympler", "objsize", "guppy")]
        plan += [("texts", tool, million, 2) for tool in ("ours", "guppy")]
        tools = ("ours", "guppy", "objgraph", "pympler")
        plan += [("summary", tool, million, 3) for tool in tools]
        plan += [("snapshot", "ours", million, 2), ("pause", "ours", 13 * million, 3)]
        plan += [("snapshot", "ours", ten, 1), ("records", "ours", million, 2)]
        plan += [("records", tool, million, 1) for tool in ("guppy", "objsize")]
        for task, tool, count, times in plan:
            key = task, tool, count
            found[key] = _measure(pythons[tool], *key, times)
            print(*key, found[key], flush=True)
    body = _section(found, thousand, million, ten, environment((), args.date, "heapwalk.py"))
    print(body)
    if not args.quick:
        write_section("Heap walk", body)


def _measure(python: str, task: str, tool: str, count: int, times: int) -> Figures | None:
    """What was measured, ``None`` if it takes longer than the cap."""
    command = [python, str(FOLDER / "heapwalk_child.py"), task, tool, str(count), str(times)]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            timeout=CAP_S,
            check=True,
            cwd=tempfile.gettempdir(),
        )
    except subprocess.TimeoutExpired:
        return None
    figures: Figures = json.loads(done.stdout)
    return figures


def _section(found: Found, thousand: int, million: int, ten: int, made: str) -> str:
    small = found["records", "ours", thousand] or {}
    large = found["records", "ours", million] or {}
    summed = found["summary", "ours", million] or {}
    walked = found["snapshot", "ours", million] or {}
    more = found["snapshot", "ours", ten] or {}
    paused = found["pause", "ours", 13 * million] or {}
    texts = found["texts", "ours", million] or {}
    rows: list[list[str]] = []

    def beside(
        what: str,
        ours: float | None,
        key: tuple[str, str, int],
        name: str,
        least: float,
        how: str = "",
    ) -> None:
        peer = found[key]
        if ours is None:
            rows.append([what, f"over {CAP_S:.0f} s", "", "", f"at least {least:g}", "not shown"])
            return
        ratio = (peer[name] if peer else CAP_S) / ours
        shown = f"{peer[name] * 1000:,.0f} ms" if peer else f"over {CAP_S:.0f} s"
        rows.append(
            [
                f"{what}: {NAMES[key[1]]}{how} takes so many times as long",
                f"{ours * 1000:,.0f} ms",
                shown,
                f"{ratio:.1f}",
                f"at least {least:g}",
                verdict(ratio >= least),
            ]
        )

    def ratio(what: str, ours: float | None, other: float | None, most: float) -> None:
        if ours is None or other is None:
            rows.append([what, f"over {CAP_S:.0f} s", "", "", f"at most {most:g}", "not shown"])
            return
        rows.append(
            [
                what,
                f"{ours * 1000:,.2f} ms",
                f"{other * 1000:,.2f} ms",
                f"{ours / other:.2f}",
                f"at most {most:g}",
                verdict(ours / other <= most),
            ]
        )

    title = f"`asizeof`, {thousand:,} records"
    beside(title, small.get("size"), ("records", "pympler", thousand), "size", 15)
    beside(title, small.get("size"), ("records", "objsize", thousand), "size", 10)
    beside(title, small.get("size"), ("records", "guppy", thousand), "size", 1)
    title = f"`asizeof`, {million:,} records"
    beside(title, large.get("size"), ("records", "objsize", million), "size", 10)
    beside(title, large.get("size"), ("records", "guppy", million), "size", 1)
    for figures, count in ((small, thousand), (large, million)):
        title = f"`asizeof`, {count:,} records"
        ratio(f"{title}, to `gc.collect()`", figures.get("size"), figures.get("collect"), 1)
        ratio(
            f"{title}, shuffled, to `gc.collect()`",
            figures.get("shuffled"),
            figures.get("collect shuffled"),
            2.5,
        )
    beside(
        f"`asizeof`, a dict of {million:,} str to float",
        texts.get("size"),
        ("texts", "guppy", million),
        "size",
        1,
    )
    for tool, least in (("pympler", 30), ("guppy", 1), ("objgraph", 1)):
        title = f"`get_objects` and summary, {million:,} objects"
        how = " without a collection" if tool == "objgraph" else ""
        beside(title, summed.get("summary"), ("summary", tool, million), "summary", least, how)
    how = "'s growth, which collects first as `get_objects` does,"
    beside(title, summed.get("summary"), ("summary", "objgraph", million), "growth", 1, how)
    ratio("growth scan, to `gc.collect()`", summed.get("growth"), summed.get("collect"), 1.5)
    title = f"snapshot with all retained sizes, {million:,} objects, to `gc.collect()`"
    ratio(title, walked.get("whole"), walked.get("collect"), 8)
    title = f"the same for {ten:,}, time per object to that for {million:,}"
    each = {count: _each(figures, million) for count, figures in ((million, walked), (ten, more))}
    ratio(title, each[ten], each[million], 1.5)
    title = f"longest pause of a thread, forked to plain ({paused.get('bytes', 0) / 1e9:.1f} GB)"
    ratio(title, paused.get("forked"), paused.get("plain"), 0.1)
    memory = ""
    if walked:
        rest, peak = walked["rest"], walked["peak"]
        memory = (
            f"A snapshot takes {rest:.0f} bytes for each object beside its references at rest "
            f"(at most 60: {verdict(rest <= 60)}) and {peak:.0f} while it is taken (at most 120: "
            f"{verdict(peak <= 120)})."
        )
    head = ["what", "ours", "the other", "ratio", "wanted", ""]
    about = (
        "Seconds of the processor, the best of some, but for pauses: the shortest of three "
        "longest gaps in a thread that wakes every half millisecond. A record is an instance with "
        "a number, a text, a list of two texts and a dict with one number. Times per "
        "object are shown as those of so many objects. The machine was shared with other work."
    )
    return "\n\n".join([made, about, table(head, rows), memory])


def _each(figures: Figures, objects: int) -> float | None:
    return figures["whole"] / figures["objects"] * objects if figures else None


if __name__ == "__main__":
    main()
