"""Run the unit tests on every installed Python that is supported: ``make test-all``.

Each Python gets its own environment ``.venv-3.X`` with pinned frameworks: the oldest supported on
the first Python, the newest on the last. An environment is made anew only when its pins change,
and while the tests of the Python before it run. A Python that is not installed is skipped by name;
with ``PYMPLER_REQUIRE_ALL=1`` (CI) the first and the last must be there. The Python that
``PYMPLER_TESTED`` names is left out, unless it has other pins than ``make test``, which has run all
of this there.

Arguments are tests that walk the heap. They run by themselves, without the objects of the
frameworks that other tests import.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = {
    "3.10": "oldest.txt",
    "3.11": "stable.txt",
    "3.12": "stable.txt",
    "3.13": "newest.txt",
}
REQUIRED = ("3.10", "3.13")  # without them neither end of the frameworks was tried
CLOSING_LINE = re.compile(r"^=+ (.*) in [\d.]+s.* =+$")


def main(walkers: Sequence[str]) -> int:
    """Test on each Python; 1 if one failed, one that is required is missing, or none ran."""
    results: dict[str, str] = {}
    failed = []
    tested = os.environ.get("PYMPLER_TESTED")
    if CONSTRAINTS.get(tested or "") == "stable.txt":  # the pins of `make test`
        results[tested or ""] = "left out: `make test` has run all of it"
    found = {version: find_python(version) for version in CONSTRAINTS if version not in results}
    installing = ThreadPoolExecutor(1)
    environments = {
        version: installing.submit(make_environment, version, python, CONSTRAINTS[version])
        for version, python in found.items()
        if python is not None
    }
    try:
        for version in found:
            if version not in environments:
                results[version] = "not installed: skipped"
                if os.environ.get("PYMPLER_REQUIRE_ALL") == "1" and version in REQUIRED:
                    results[version] = "not installed, and required by PYMPLER_REQUIRE_ALL=1"
                    failed.append(version)
                continue
            constraint = CONSTRAINTS[version]
            print(f"\n# Python {version} with constraints/{constraint}", flush=True)
            started = time.monotonic()
            try:
                code, closing = run_tests(environments[version].result(), walkers)
            except subprocess.CalledProcessError as error:
                code, closing = error.returncode, f"installation failed ({error.returncode})"
            took_s = time.monotonic() - started
            results[version] = f"{closing} ({constraint}, {took_s:.0f} s in all)"
            if code:
                failed.append(version)
    finally:
        installing.shutdown(cancel_futures=True)
    print()
    for version, result in results.items():
        print(f"Python {version}: {'FAILED: ' if version in failed else ''}{result}")
    if not environments:
        print(f"No Python of {', '.join(CONSTRAINTS)} found on PATH or under pyenv.")
    return 1 if failed or not environments else 0


def find_python(version: str) -> str | None:
    """The path of a working interpreter of this version that can make environments, or None."""
    for candidate in candidates(version):
        # A pyenv shim exists for versions that are not selected too, and then exits with an error.
        probe = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"
        done = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate
    return None


def candidates(version: str) -> Iterator[str]:
    """Where an interpreter may be: on PATH, then under pyenv, the newest patch first."""
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = pyenv.glob(f"versions/{version}.*/bin/python")
    yield from map(str, sorted(installed, key=patch_number, reverse=True))


def patch_number(python: Path) -> int:
    """7 for ``.../versions/3.11.7/bin/python``; -1 for development versions."""
    patch = python.parent.parent.name.rpartition(".")[2]
    return int(patch) if patch.isdigit() else -1


def make_environment(version: str, python: str, constraint: str) -> str:
    """The interpreter of ``.venv-X.Y``, made or remade if its pins are not the ones of today."""
    folder = ROOT / f".venv-{version}"
    environment_python = str(folder / "bin" / "python")
    stamp = folder / "pins"
    pins = ROOT / "constraints" / constraint
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + pins.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        build_extension(environment_python)
        return environment_python
    subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [environment_python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    pip += ["--no-compile"]  # most modules are never imported; the others are compiled then
    subprocess.run([*pip, "--constraint", str(pins), "--editable", ".[test]"], check=True, cwd=ROOT)
    stamp.write_text(wanted)
    return environment_python


def build_extension(python: str) -> None:
    """Build the compiled walk anew, which may have changed since the environment was made."""
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--editable", "."], check=True, cwd=ROOT)


def run_tests(python: str, walkers: Sequence[str]) -> tuple[int, str]:
    """Run the unit tests; the first exit code that is not 0, and pytest's closing lines."""
    command = [python, "-m", "pytest", "-m", "not integration and not one_python"]
    command += ["--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
    command += ["--reruns", "1", "-r", "aR"]  # as in the Makefile
    runs = [run_pytest([*command, *walkers])]
    if walkers:
        runs.append(run_pytest([*command, *(f"--ignore={path}" for path in walkers)]))
    return next((code for code, _ in runs if code), 0), "; ".join(closing for _, closing in runs)


def run_pytest(command: Sequence[str]) -> tuple[int, str]:
    """The exit code and what pytest's closing line says."""
    closing = "pytest ended early"
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            found = CLOSING_LINE.match(line.rstrip())
            if found:
                closing = found[1]
        code = process.wait()
    return code, closing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
