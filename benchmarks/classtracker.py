"""What class tracking costs: an instance, a snapshot, many threads; ours beside Pympler 1.1.

Pympler 1.1 is in an environment of its own with the same Python; each figure is the CPU time of the
best of several in a process of its own. The bare constructor, which is subtracted, is measured in
the same process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from results import FOLDER, arguments, environment, table, verdict, write_section

REQUIREMENT = "Pympler==1.1"
MOST_US = 2.0
TIMES_AS_FAST = 3.0
MOST_BLOCKS = 100
INSTANCES, TRACKED, THREADED = 200_000, 100_000, 1_000_000


def main() -> None:
    args = arguments(__doc__)
    share = 10 if args.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        peer = str(Path(folder) / "bin" / "python")
        subprocess.run([peer, "-m", "pip", "install", "-q", REQUIREMENT], check=True)
        # The peer is asked for fewer: it keeps all the dead.
        made = {
            "ours": _measure(sys.executable, "ours", "construction", INSTANCES // share),
            "peer": _measure(peer, "peer", "construction", INSTANCES // share // 10),
        }
        snapshots = {
            "ours": _measure(sys.executable, "ours", "snapshot", TRACKED // share),
            "peer": _measure(peer, "peer", "snapshot", TRACKED // share),
        }
    threads = _measure(sys.executable, "ours", "threads", THREADED // share)
    body = _section(made, snapshots, threads, environment((), args.date, "classtracker.py"))
    print(body)
    if not args.quick:
        write_section("Class tracking", body)


def _measure(python: str, tool: str, task: str, number: int) -> dict[str, Any]:
    command = [python, str(FOLDER / "classtracker_child.py"), tool, task, str(number)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, timeout=600, check=True, cwd=tempfile.gettempdir()
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _section(
    made: dict[str, dict[str, float]],
    snapshots: dict[str, dict[str, float]],
    threads: dict[str, Any],
    environment_line: str,
) -> str:
    rows = []
    for kind, name in (("dropped", "an instance made and dropped"), ("kept", "made and kept")):
        ours, peer = made["ours"][kind], made["peer"][kind]
        rows.append(
            [
                name,
                f"{ours:.2f} us",
                f"{peer:.2f} us",
                f"{peer / ours:.1f}",
                f"at most {MOST_US:.0f} us, and less than 1.1",
                verdict(ours <= MOST_US and ours < peer),
            ]
        )
    ours, peer = snapshots["ours"]["seconds"], snapshots["peer"]["seconds"]
    rows.append(
        [
            f"a snapshot of {TRACKED:,} instances",
            f"{ours:.2f} s",
            f"{peer:.2f} s",
            f"{peer / ours:.1f}",
            f"{TIMES_AS_FAST:.0f} times as fast",
            verdict(peer / ours >= TIMES_AS_FAST),
        ]
    )
    head = ["what tracking adds", "ours", "Pympler 1.1", "times as fast", "wanted", ""]
    right = threads["left"] == threads["lowest"] == 0
    return "\n\n".join(
        [
            environment_line,
            "All of it is CPU time. The bare constructor takes "
            f"{made['ours']['bare']:.2f} us, which is subtracted.",
            table(head, rows),
            f"8 threads make and drop {THREADED:,} instances, four times: {threads['left']} are "
            f"counted as alive at each end, never fewer than {threads['lowest']}: "
            f"{verdict(right)}. From the first run to the last the blocks that Python has "
            f"allocated changed by {threads['growth_blocks']}, at most {MOST_BLOCKS} wanted: "
            f"{verdict(abs(threads['growth_blocks']) <= MOST_BLOCKS)}. Resident memory after each "
            f"run in KB, which goes up and down with the threads' arenas: "
            f"{', '.join(f'{kib:,}' for kib in threads['resident_kib'])}.",
        ]
    )


if __name__ == "__main__":
    main()
