"""The long run of the compiled walk, by hand: what would crash a process or leak in it.

Random operations on a changing heap while threads make and drop objects, reference counts before
and after thousands of walks, the import in subinterpreters; all of it once more with an extension
that was built with AddressSanitizer and Python's allocator out of the way.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path
from typing import Any

from results import environment, write_section

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = "heapwalk_soak.py"
OPERATIONS = 10_000_000
SUBINTERPRETERS = 20


class Node:
    def __init__(self) -> None:
        self.held: list[Any] = []


class Sized(Node):
    def __sizeof__(self) -> int:
        return random.choice([0, 10, -1])


def change(heap: list[Any], chance: random.Random) -> None:
    """One random operation on a heap."""
    what = chance.randrange(8)
    if what < 3 or len(heap) < 10:
        make = chance.choice([Node, Sized, list, dict, set, lambda: "text" * chance.randrange(9)])
        heap.append(make())
    elif what == 3:
        heap.pop(chance.randrange(len(heap)))
    elif what == 4:
        one, other = chance.choice(heap), chance.choice(heap)
        if isinstance(one, Node):
            one.held.append(other)
            setattr(one, f"name_{chance.randrange(40)}", other)
        elif type(one) is list and len(one) < 50:
            one.append(other)
        elif type(one) is dict:
            one[chance.choice([chance.randrange(99), f"key {chance.randrange(99)}"])] = other
    elif what == 5:
        one = chance.choice(heap)
        if isinstance(one, (list, dict, set)):
            one.clear()
    elif what == 6:
        one = chance.choice(heap)
        if isinstance(one, Node):
            one.__dict__  # noqa: B018 - makes it
    else:
        heap.append(tuple(chance.sample(heap, min(len(heap), 4))))
    if len(heap) > 3000:
        del heap[::2]


def churn(done: threading.Event) -> None:
    while not done.is_set():
        made: Any = [
            tuple(str(number) for number in range(50)),
            {number: [] for number in range(50)},
        ]
        type("Passing", (Node,), {})().held.append(made)
        done.wait(0.005)  # or three threads take three quarters of the run


def run(operations: int) -> None:
    from pympler import muppy, summary
    from pympler.asizeof import asizeof
    from pympler.graph import heap_snapshot
    from pympler.leaks.containers import read_lengths
    from pympler.sizing.compiled import walk_name

    print(walk_name())
    assert walk_name() == "compiled heap walk"
    done = threading.Event()
    threads = [threading.Thread(target=churn, args=(done,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    heap: list[Any] = []
    chance = random.Random(operations)
    for number in range(operations):
        change(heap, chance)
        if number % 1000 == 0:
            asizeof(heap, limit=chance.choice([None, 0, 2]))
        if number % 20_000 == 0:
            # Collections begin at any object that a walk makes.
            gc.set_threshold(chance.randrange(1, 700), chance.randrange(10), 1000)
            snapshot = heap_snapshot()
            snapshot.top_retainers(5)
            assert snapshot.complete
            heap_snapshot(timeout_s=0.001)
            heap_snapshot(max_objects=chance.randrange(5000))
            summary.summarize(muppy.get_objects())
            read_lengths()
        if number % 100_000 == 0:
            heap_snapshot(fork=True)
    done.set()
    for thread in threads:
        thread.join()
    gc.set_threshold(700, 10, 10)
    print(f"{operations:,} operations with threads: done")
    counts()
    print("reference counts and blocks: as before")


def counts() -> None:
    """Thousands of walks leave no reference and no block."""
    from pympler.asizeof import asizeof
    from pympler.graph import heap_snapshot

    item = Node()
    item.held = ["a" * 99, Sized(), {"key of it": 2.5}, (item,)]
    watched = [item, item.held, *item.held, Node, Sized]
    for _ in range(20):
        asizeof(item)
        heap_snapshot()
    gc.collect()
    before = [sys.getrefcount(one) for one in watched], sys.getallocatedblocks()
    for _ in range(3000):
        asizeof(item)
    for _ in range(50):
        heap_snapshot()
    gc.collect()
    after = [sys.getrefcount(one) for one in watched], sys.getallocatedblocks()
    assert before[0] == after[0], (before, after)
    assert after[1] - before[1] < 300, (before, after)


def subinterpreters() -> None:
    """Import the extension in interpreters of their own, one after the other."""
    try:
        import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
    except ImportError:
        import _interpreters as interpreters  # type: ignore[import-not-found]
    code = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}]
from pympler import _heapwalk
walker = _heapwalk.Walker()
found, frames = walker.reach([sys.modules], None)
"""
    for _ in range(SUBINTERPRETERS):
        ident = interpreters.create()
        failed = interpreters.run_string(ident, code)
        interpreters.destroy(ident)
        assert failed is None, failed
    print(f"import in {SUBINTERPRETERS} subinterpreters: done")


def sanitized(operations: int) -> int | None:
    """The same with an extension that checks each access to memory, in a copy of the package."""
    compiler = shutil.which("gcc")
    if compiler is None:
        print("no gcc: AddressSanitizer is left out")
        return None
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "pympler", Path(folder) / "pympler", symlinks=True)
        target = Path(folder) / "pympler" / f"_heapwalk{sysconfig.get_config_var('EXT_SUFFIX')}"
        flags = ["-g", "-O1", "-fsanitize=address", "-fno-omit-frame-pointer", "-fPIC", "-shared"]
        include = f"-I{sysconfig.get_paths()['include']}"
        sources = sorted((ROOT / "pympler" / "_heapwalk_c").glob("*.c"))
        subprocess.run([compiler, *flags, include, *sources, "-o", target], check=True)
        asan = subprocess.run(
            [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
        )
        environment = {
            **os.environ,
            "LD_PRELOAD": asan.stdout.strip(),
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
            "PYTHONMALLOC": "malloc",
            "PYTHONPATH": folder,
        }
        command = [sys.executable, __file__, "--child", str(operations)]
        done = subprocess.run(command, env=environment, cwd=folder, check=False)
    print(f"under AddressSanitizer: exit status {done.returncode}")
    return done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=OPERATIONS, help="fewer write no results")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        run(args.child)
        return 0
    run(args.operations)
    subinterpreters()
    checked = max(args.operations // 20, 1000)
    status = sanitized(checked)
    if args.operations >= OPERATIONS:
        write_section("Heap walk, soak", section(args.operations, checked, status))
    return status or 0


def section(operations: int, checked: int, status: int | None) -> str:
    """What has come to its end without an error, as the others would have ended the run."""
    sanitizer = {None: "left out, there is no gcc", 0: "no error"}.get(
        status, f"exit status {status}"
    )
    return "\n\n".join(
        [
            environment((), datetime.date.today().isoformat(), SCRIPT),
            f"{operations:,} random operations on a heap that changes, with sizes, listings, "
            "snapshots, plain, bounded and forked, and growth scans again and again, while three "
            "threads make and drop objects and collections begin at any object that is made: no "
            "error. Reference counts and blocks after thousands of walks: as before. Import in "
            f"{SUBINTERPRETERS} subinterpreters: no error. {checked:,} operations under "
            f"AddressSanitizer: {sanitizer}.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
