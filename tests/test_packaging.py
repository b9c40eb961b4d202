"""What is built is what was written: sdist, a wheel from it, and a clean environment with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import pympler
from tests.support import require

pytestmark = [pytest.mark.integration, pytest.mark.long]

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOTS = [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
PACKAGES = sorted(
    init.parent for root in SOURCE_ROOTS for init in root.glob("pympler*/__init__.py")
)
# These show themselves inside a debug toolbar, which no extra installs.
NEED_A_TOOLBAR = ("pympler.panels", "pympler_django.panel", "pympler_flask.panel")

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import django
from django.conf import settings

skipped = sys.argv[1].split(",")
settings.configure(
    INSTALLED_APPS=["django.contrib.staticfiles", "pympler_django"],
    STATIC_URL="/static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()
for package in sys.argv[2:]:
    paths = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(paths, package + "."):
        if module.name not in skipped and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)
"""


def test_what_is_built_and_installed(tmp_path: Path) -> None:
    """One test, since all its parts need the wheel and an environment, which take long to make."""
    wheel = build(tmp_path / "source")
    nothing_else_is_in_it(wheel)
    python = make_environment(tmp_path)
    the_core_needs_nothing_and_names_the_extra_that_is_missing(wheel, python)
    every_package_imports_and_every_file_is_there(wheel, python)


def build(copy: Path) -> Path:
    """The wheel that is built from the sdist that is built from a copy without build results."""
    copy.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "pympler", "integrations"):
        if (ROOT / name).is_dir():
            leave_out = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")
            shutil.copytree(ROOT / name, copy / name, ignore=leave_out)
        else:
            shutil.copy(ROOT / name, copy / name)
    run(sys.executable, "-m", "build", "--outdir", copy / "dist", copy)
    (sdist,) = (copy / "dist").glob("pympler-*.tar.gz")
    with tarfile.open(sdist) as archive:
        walk = {Path(name).name for name in archive.getnames() if "/_heapwalk_c/" in name}
    assert walk == {path.name for path in (ROOT / "pympler" / "_heapwalk_c").iterdir()}
    (built,) = (copy / "dist").glob("pympler-*.whl")
    return built


def nothing_else_is_in_it(wheel: Path) -> None:
    listing = run(sys.executable, "-m", "zipfile", "--list", wheel)
    tops = {re.split(r"[/ ]", line)[0] for line in listing.splitlines()[1:]}
    expected = {package.name for package in PACKAGES}
    require("a C compiler", shutil.which("gcc") or shutil.which("cc"), "gcc")
    assert re.search(r"pympler/_heapwalk\S*\.(so|pyd)", listing)
    assert {top for top in tops if not top.endswith(".dist-info")} == expected


def the_core_needs_nothing_and_names_the_extra_that_is_missing(wheel: Path, python: Path) -> None:
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    assert run(python.parent / "pympler", "--version").split()[1] == pympler.__version__
    assert run(python, "-m", "pympler", "--version").split()[1] == pympler.__version__
    for module, extra in [
        ("pympler_flask", "flask"),
        ("pympler_django.middleware", "django"),
        ("pympler.metrics.otel", "otel"),
        ("pympler.metrics.prometheus", "prometheus"),
    ]:
        done = subprocess.run(
            [python, "-c", f"import {module}"],
            cwd=python.parent,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        last_line = done.stderr.strip().splitlines()[-1]
        assert last_line.startswith("ImportError"), done.stderr
        assert f"pympler[{extra}]" in last_line


def every_package_imports_and_every_file_is_there(wheel: Path, python: Path) -> None:
    constraints = ROOT / "constraints" / "stable.txt"
    with_extras = f"{wheel}[django,flask,asgi,otel,prometheus,postgres]"
    # No extra brings pytest, which the plugin is for, nor the library that psycopg needs.
    install = (python, "-m", "pip", "install", "--quiet", "--no-compile")
    run(*install, "--constraint", constraints, with_extras, "pytest", "psycopg[binary]")
    # What is for pytest is imported by pytest, which no extra installs.
    names = [package.name for package in PACKAGES if package.name != "pympler_pytest"]
    assert {"pympler", "pympler_asgi", "pympler_django", "pympler_flask"} <= set(names)
    imported = run(python, "-c", IMPORT_EVERYTHING, ",".join(NEED_A_TOOLBAR), *names).split()
    assert {"pympler.leaks.monitor", "pympler_django.middleware"} <= set(imported)

    (installed,) = python.parent.parent.glob("lib/python3*/site-packages")
    for package in PACKAGES:
        assert files_below(installed / package.name) == files_below(package)
        assert (installed / package.name / "py.typed").is_file()


def files_below(package: Path) -> set[str]:
    """What a package is made of: modules, templates, static files, marks; not what is compiled."""
    return {
        str(path.relative_to(package))
        for path in package.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in (".c", ".h", ".so", ".pyd")
    }


def make_environment(folder: Path) -> Path:
    run(sys.executable, "-m", "venv", folder / "environment")
    return folder / "environment" / "bin" / "python"


def run(*command: object) -> str:
    """Standard output of a command that must succeed, run where no source of ours is in reach."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=Path(sys.executable).parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment() -> dict[str, str]:
    """The environment of this process without what would lead a new one to the checkout."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
