"""Leaks of C extensions: growth that no Python object explains, with the route that makes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from pympler.leaks.check.meter import malloc_is_known
from tests.support import require

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "tests" / "leaks" / "native"

pytestmark = pytest.mark.integration  # compiles, and checks in a process of its own

APPLICATION = """
import lost_references, raw_malloc

ACTIONS = {
    "words": lambda n: lost_references.count_words(f"request {n}"),
    "tag": lost_references.tag,
    "raw": lambda n: raw_malloc.checksum(b"x" * 1000),
    "clean": lambda n: [n] * 1000,
}


def application(environ, start_response):
    name, _, number = environ["PATH_INFO"].strip("/").partition("/")
    ACTIONS[name](int(number))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
"""


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What is said of an application that uses both extensions, by route."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    require("a C compiler", compiler, "gcc")
    folder = tmp_path_factory.mktemp("native")
    headers = sysconfig.get_path("include")
    require("the headers of Python", Path(headers, "Python.h").exists(), "python3-dev")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for source in SOURCES.glob("*.c"):
        target = str(folder / f"{source.stem}{suffix}")
        shared = [str(compiler), "-shared", "-fPIC", "-O1", f"-I{headers}", str(source)]
        subprocess.run([*shared, "-o", target], check=True, timeout=120)
    (folder / "site_with_c.py").write_text(APPLICATION, encoding="utf-8")
    paths = [f"--path=/{name}/{{n}}" for name in ("words", "tag", "raw", "clean")]
    done = subprocess.run(
        [sys.executable, "-m", "pympler", "check", "site_with_c:application", *paths, "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    return {route["route"]: route for route in json.loads(done.stdout)["routes"]}


@pytest.mark.parametrize(
    ("route", "objects", "least_bytes"),
    [("/words/{n}", 1.0, 60), ("/tag/{n}", 0.0, 60), ("/raw/{n}", 0.0, 1000)],
)
def test_native_growth_is_told_with_its_route(
    routes: dict[str, dict[str, Any]], route: str, objects: float, least_bytes: float
) -> None:
    if route == "/raw/{n}":
        require("mallinfo2", malloc_is_known(), "glibc 2.33")
    found = routes[route]
    assert found["verdict"] == "native", found
    assert found["headline"].startswith(f"GET {route} leaks ")
    assert found["headline"].endswith(" per request that no Python object explains")
    assert found["objects_per_request"] == pytest.approx(objects, abs=0.2)
    # Something else in the process may let go of a few bytes in a window.
    assert 0.95 * least_bytes <= found["bytes_per_request"] < least_bytes + 200
    assert found["requests"] <= 2000


def test_a_route_beside_them_is_clean(routes: dict[str, dict[str, Any]]) -> None:
    assert routes["/clean/{n}"]["verdict"] == "clean"
