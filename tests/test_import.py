"""The core loads the standard library and nothing else, whatever is installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pympler_asgi

from pympler import graph

ROOT = Path(__file__).resolve().parent.parent

# These ask for an extra when they are imported; the rest of the core may only do so when used.
NEED_AN_EXTRA = (
    *("pympler.apps", "pympler.panels", "pympler.render.pages", "pympler.web"),
    *("pympler.store.postgres", "pympler.metrics."),
)
RUNS_WHEN_IMPORTED = ("pympler.__main__",)

# What a .pth file of the environment loads at start-up is not ours, hence the set before.
# sysconfig loads its data from a module whose name is the platform's.
PROBE = """
import importlib, sys
before = set(sys.modules)
ours_or_standard = {*sys.stdlib_module_names, "pympler"}
for name in sys.argv[1:]:
    importlib.import_module(name)
    for loaded in set(sys.modules) - before:
        top = loaded.partition(".")[0]
        if top not in ours_or_standard and not top.startswith("_sysconfigdata"):
            print(name, "loads", loaded)
    before.update(sys.modules)
"""


def test_every_core_module_loads_the_standard_library_only() -> None:
    names = core_modules()
    assert {"pympler", "pympler.errors", "pympler.leaks.settings"} <= set(names)
    assert run_probe(names) == ""


def test_the_probe_sees_a_module_from_elsewhere() -> None:
    assert "pytest loads _pytest" in run_probe(["pytest"])


def test_importing_pympler_loads_none_of_its_parts() -> None:
    code = "import sys, pympler; print([name for name in sys.modules if name[:8] == 'pympler.'])"
    assert run_python("-c", code) == "[]\n"


def core_modules() -> list[str]:
    names = []
    for path in sorted((ROOT / "pympler").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith((*NEED_AN_EXTRA, *RUNS_WHEN_IMPORTED)):
            names.append(name)
    return names


def run_probe(names: list[str]) -> str:
    return run_python("-c", PROBE, *names)


def run_python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_module_takes_the_place_of_a_name_that_is_loaded_late() -> None:
    # Whoever imports a module makes it an attribute of its package, over the function of that name.
    late = {"pympler.graph": graph.__all__, "pympler_asgi": pympler_asgi.__all__}
    for package, names in late.items():
        assert [name for name in names if find_spec(f"{package}.{name}") is not None] == []
