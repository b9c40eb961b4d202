"""Run the unit tests on every installed Python that is supported: ``make test-all``.

Each Python gets its own environment ``.venv-3.X`` with pinned frameworks: the oldest supported on
the first Python, the newest on the last. An environment is made anew only when its pins change. A
Python that is not installed is skipped by name; with ``PYMPLER_REQUIRE_ALL=1`` (CI) the first and
the last must be there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
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


def main() -> int:
    """Test on each Python; 1 if one failed, one that is required is missing, or none ran."""
    results: dict[str, str] = {}
    failed = []
    for version, constraint in CONSTRAINTS.items():
        python = find_python(version)
        if python is None:
            results[version] = "not installed: skipped"
            if os.environ.get("PYMPLER_REQUIRE_ALL") == "1" and version in REQUIRED:
                results[version] = "not installed, and required by PYMPLER_REQUIRE_ALL=1"
                failed.append(version)
            continue
        print(f"\n# Python {version} with constraints/{constraint}", flush=True)
        started = time.monotonic()
        try:
            code, closing = run_tests(make_environment(version, python, constraint))
        except subprocess.CalledProcessError as error:
            code, closing = error.returncode, f"installation failed ({error.returncode})"
        results[version] = f"{closing} ({constraint}, {time.monotonic() - started:.0f} s in all)"
        if code:
            failed.append(version)
    print()
    for version, result in results.items():
        print(f"Python {version}: {'FAILED: ' if version in failed else ''}{result}")
    none_ran = all("not installed" in result for result in results.values())
    if none_ran:
        print(f"No Python of {', '.join(CONSTRAINTS)} found on PATH or under pyenv.")
    return 1 if failed or none_ran else 0


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


def run_tests(python: str) -> tuple[int, str]:
    """Run all but the integration tests; the exit code and what pytest's closing line says."""
    command = [python, "-m", "pytest", "-m", "not integration"]
    command += ["--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
    command += ["--reruns", "1", "-r", "aR"]  # as in the Makefile
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
    sys.exit(main())
