"""What is written is true: examples run or compile, imports exist, settings are as described."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import re
from pathlib import Path

import pytest

from pympler.leaks.settings import Settings
from tests.leaks.processes import run_alone

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(match[1], id=f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}")
    for page in PAGES
    for text in [page.read_text(encoding="utf-8")]
    for match in BLOCK.finditer(text)
]
MODULES = [
    ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    for root in [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
    for path in sorted(root.glob("pympler*/**/*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.one_python
@pytest.mark.parametrize("code", BLOCKS)
def test_a_block_of_python_is_right(code: str) -> None:
    check_block(code)


LONG = {"pympler.leaks.check"}  # whole checks, which have a small heap in a process of their own


@pytest.mark.parametrize("module", [module for module in MODULES if module not in LONG])
def test_the_examples_of_a_module_run(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.integration
@pytest.mark.parametrize("module", sorted(LONG))
def test_the_long_examples_of_a_module_run(module: str) -> None:
    said = run_alone(
        """
        import doctest, importlib, sys
        results = doctest.testmod(importlib.import_module(sys.argv[1]))
        print(results.attempted > 0, results.failed)
        """,
        module,
    )
    assert said == "True 0"


@pytest.mark.one_python
@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_a_setting_is_described_with_its_default(field: dataclasses.Field[object]) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert f"\n| `{field.name}` | `{field.default!r}` |" in page


def test_a_wrong_block_is_noticed() -> None:
    with pytest.raises(SyntaxError):
        check_block("MIDDLEWARE = [")
    with pytest.raises(AssertionError, match=r"pympler\.errors has no NoSuchError"):
        check_block("from pympler.errors import NoSuchError")
    with pytest.raises(AssertionError, match="1 of 1"):
        check_block(">>> 1 + 1\n3\n")


def check_block(code: str) -> None:
    """Run a block that is a session; compile any other, and look up what it imports of ours."""
    if ">>>" in code:
        test = doctest.DocTestParser().get_doctest(code, {}, "block", None, None)
        results = doctest.DocTestRunner(verbose=False).run(test)
        assert not results.failed, f"{results.failed} of {results.attempted} examples are wrong"
        return
    for node in ast.walk(compile(code, "block", "exec", ast.PyCF_ONLY_AST)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pympler"):
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("pympler"):
                    importlib.import_module(alias.name)
