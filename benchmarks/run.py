"""All benchmarks that are short enough to be run often: ``make bench``; about ten minutes."""

from __future__ import annotations

import subprocess
import sys

from results import FOLDER, arguments

SCRIPTS = (
    "accuracy.py",
    "sizing.py",
    "heapwalk.py",
    "classtracker.py",
    "cost.py",
    "peers.py",
    "collector.py",
    "budget.py",
    "traces.py",
    "footprint.py",
    "pages.py",
    "store.py",
)


def main() -> int:
    args = arguments(__doc__)
    options = ["--date", args.date, *(["--quick"] if args.quick else [])]
    failed = [
        script
        for script in SCRIPTS
        if subprocess.run([sys.executable, str(FOLDER / script), *options], check=False).returncode
    ]
    for script in failed:
        print(f"{script} failed: its section is as it was", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
