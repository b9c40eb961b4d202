"""Imports go one way: from later stages to earlier ones, and to nothing of a front end."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The earliest stage first. A name stands for the package and what is in it, unless parts of it have
# lines of their own; then it is its __init__ alone. Names on one line do not import each other.
STAGES = """
    pympler
    pympler.errors pympler.util
    pympler.sizing
    pympler.asizeof
    pympler.graph
    pympler.summary
    pympler.muppy
    pympler.tracker pympler.refbrowser
    pympler.refgraph
    pympler.garbagegraph
    pympler.process
    pympler.mprofile
    pympler.lifetimes
    pympler.charts
    pympler.classtracker
    pympler.classtracker_stats
    pympler.leaks.guard
    pympler.leaks.settings
    pympler.leaks.classpaths pympler.leaks.refused
    pympler.leaks.plain
    pympler.leaks.report
    pympler.leaks.chosen
    pympler.store
    pympler.leaks.inspections pympler.leaks.diary pympler.leaks.templates
    pympler.leaks.comparison
    pympler.leaks.budget
    pympler.leaks.jobs
    pympler.leaks.listing
    pympler.leaks.marks
    pympler.leaks.window
    pympler.leaks.young
    pympler.leaks.counters pympler.leaks.lengths pympler.leaks.unreachable
    pympler.leaks.timers
    pympler.leaks.survivors
    pympler.leaks.containers pympler.leaks.growth
    pympler.leaks.bounds
    pympler.leaks.holders
    pympler.leaks.callers
    pympler.leaks.tracing
    pympler.leaks.evidence
    pympler.leaks.scan
    pympler.leaks.suspects pympler.leaks.ended
    pympler.leaks.steps
    pympler.leaks.active pympler.leaks.births
    pympler.leaks.verdict
    pympler.leaks.attribution
    pympler.leaks.investigation
    pympler.leaks.worker pympler.leaks.turns pympler.leaks.lifecycle
    pympler.leaks.publisher
    pympler.leaks.windows
    pympler.leaks.background pympler.leaks.reporter
    pympler.leaks.monitor
    pympler.leaks.snapshots
    pympler.leaks.watched
    pympler.leaks.children pympler.leaks.pools
    pympler.leaks.stepping
    pympler.leaks
    pympler.metrics
    pympler.render pympler.render.text pympler.render.json pympler.render.panel pympler.render.fleet
    pympler.leaks.check
    pympler.render.pages
    pympler.wsgi
    pympler.web
    pympler.cli
    pympler_django pympler_flask pympler_asgi pympler_pytest
    pympler.panels pympler.apps
    pympler.__main__
"""
RANKS = {name: rank for rank, line in enumerate(STAGES.splitlines()) for name in line.split()}
SPLIT = {name for name in RANKS if any(other.startswith(f"{name}.") for other in RANKS)}
FILES = {
    ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
    for root in [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
    for path in root.glob("pympler*/**/*.py")
}


@pytest.mark.one_python
@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_only_from_earlier_stages(module: str) -> None:
    stage = stage_of(module)
    backward = [
        f"{module} imports {target}"
        for target in imported_modules(module)
        if RANKS[stage_of(target)] >= RANKS[stage] and stage_of(target) != stage
    ]
    assert backward == []


@pytest.mark.one_python
def test_no_modules_import_each_other_in_a_circle() -> None:
    sorter = TopologicalSorter({module: {*imported_modules(module)} - {module} for module in FILES})
    try:
        sorter.prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])), pytrace=False)


def stage_of(module: str) -> str:
    for name in prefixes(module):
        if name in RANKS and (name == module or name not in SPLIT):
            return name
    pytest.fail(f"{module} has no stage: give it a line in STAGES", pytrace=False)


def imported_modules(module: str) -> Iterator[str]:
    """The modules of ours that the source names, also inside functions and for type checking."""
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parent = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*parent, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from [found for found in prefixes(name) if found in FILES][:1]


def prefixes(name: str) -> list[str]:
    """The name and the packages around it, the longest first."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
