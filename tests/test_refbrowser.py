"""Trees of referrers: what is in them, and how they are drawn."""

from __future__ import annotations

import gc
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pympler import refbrowser
from pympler.graph.containers import Containers
from pympler.graph.treewindow import TreeItem, show_tree
from pympler.refbrowser import (
    ConsoleBrowser,
    FileBrowser,
    InteractiveBrowser,
    RefBrowser,
    StreamBrowser,
    gui_default_str_function,
)
from tests.support import require


class Target:
    """The root of a tree."""


def forbidden(*_: object) -> Any:
    raise AssertionError("code of the application was run")


class HostileMeta(type):
    __eq__ = __hash__ = __getattr__ = __len__ = __bool__ = __iter__ = forbidden
    __instancecheck__ = __subclasscheck__ = forbidden


class Hostile(metaclass=HostileMeta):
    __eq__ = __hash__ = __repr__ = __str__ = __len__ = __bool__ = __iter__ = forbidden
    __getattr__ = __sizeof__ = forbidden
    __class__ = property(forbidden)


def kind_of(item: object) -> str:
    return type(item).__name__


def referrers(tree: Any) -> list[Any]:
    """The objects below the root, without the frames of the tests."""
    return [child.o for child in tree.children if type(child.o) is not types.FrameType]


def held() -> tuple[weakref.ref[Target], list[Any]]:
    """An object that one list and one dictionary hold, and no local variable."""
    target = Target()
    return weakref.ref(target), [[target], {"held": target}]


def node(text: str, *children: Any) -> Any:
    made = refbrowser.Node(text, str)
    made.children = list(children)
    return made


def drawn(tree: Any, **options: Any) -> str:
    stream = io.StringIO()
    StreamBrowser(None, stream=stream, **options).print_tree(tree)
    return stream.getvalue()


# What is in a tree.


def test_all_that_refers_to_an_object() -> None:
    item, holders = held()

    tree = RefBrowser(item(), maxdepth=1).get_tree()

    assert sorted(map(id, referrers(tree))) == sorted(map(id, holders))
    assert len(tree.children) == 2


def test_levels() -> None:
    inner = [Target()]
    outer = (inner, 1)
    around = {"outer": outer}

    tree = RefBrowser(inner[0], maxdepth=3, stream=None).get_tree()

    assert [child.o for child in tree.children] == [inner]
    second = [child for child in tree.children[0].children if type(child.o) is tuple]
    assert [child.o for child in second] == [outer]
    third = [child.o for child in second[0].children]
    assert any(child is around for child in third)
    assert all(not child.children for child in second[0].children)


def test_tuples_in_tuples_and_attributes() -> None:
    class Holder:
        pass

    deep: Any = ((Target(),),)
    holder = Holder()
    holder.kept = deep  # type: ignore[attr-defined]
    del deep

    tree = RefBrowser(holder.kept[0][0], maxdepth=3).get_tree()  # type: ignore[attr-defined]

    assert [kind_of(child.o) for child in tree.children] == ["tuple"]
    above = tree.children[0].children
    assert [kind_of(child.o) for child in above] == ["tuple"]
    expected = "Holder" if sys.version_info >= (3, 11) else "dict"
    assert [kind_of(child.o) for child in above[0].children] == [expected]


def test_frames_with_their_variables_on_every_python() -> None:
    target = Target()

    found = [child.o for child in RefBrowser(target, maxdepth=1).get_tree().children]

    assert [frame.f_code.co_name for frame in found] == [
        "test_frames_with_their_variables_on_every_python"
    ]


def test_variables_of_a_module_are_held_by_its_namespace() -> None:
    namespace: dict[str, Any] = {"RefBrowser": RefBrowser, "item": Target()}

    exec("tree = RefBrowser(item, maxdepth=2).get_tree()", namespace)

    above = namespace["tree"].children
    assert [child.o for child in above if child.o is namespace]
    assert not [child for child in above if type(child.o) is types.FrameType]
    codes = [
        child.o.f_code.co_name for child in above[0].children if type(child.o) is types.FrameType
    ]
    assert "<module>" in codes


def test_the_machinery_does_not_show() -> None:
    class Own(RefBrowser):
        """A browser of the application's."""

    item, holders = held()
    browser = Own(item(), maxdepth=2)
    other = RefBrowser(item(), maxdepth=2)
    other.get_tree()

    tree = browser.get_tree()
    again = browser.get_tree()

    expected = sorted(map(id, holders))
    assert sorted(map(id, referrers(tree))) == expected
    assert sorted(map(id, referrers(again))) == expected
    own = {id(tree), id(browser), id(vars(browser)), id(tree.children), id(browser.ignore)}
    assert own.isdisjoint(id(child.o) for first in tree.children for child in first.children)


def test_what_is_to_be_ignored() -> None:
    item, holders = held()
    browser = RefBrowser(item(), maxdepth=1)
    browser.ignore.append(holders[0])

    assert referrers(browser.get_tree()) == holders[1:]


def test_nothing_is_repeated_if_so_asked() -> None:
    target = [1]
    target.append(target)  # type: ignore[arg-type]

    tree = RefBrowser(target, maxdepth=2, str_func=kind_of, repeat=False).get_tree()
    again = RefBrowser(target, maxdepth=2, str_func=kind_of).get_tree()

    assert f"list (already included, id {id(target)})" in tree.children
    assert not any(isinstance(child, str) for child in again.children)
    assert [child.o for child in again.children if child.o is target]


def test_no_level_at_all() -> None:
    tree = RefBrowser([Target()], maxdepth=0).get_tree()

    assert tree.children == []


def test_hostile_objects_among_the_referrers() -> None:
    hostile = Hostile()
    hostile.kept = target = Target()  # type: ignore[attr-defined]
    holders = [[hostile, target], {1: hostile, 2: target}, {"hostile": hostile}]

    stream = io.StringIO()
    ConsoleBrowser(target, maxdepth=3, str_func=kind_of, stream=stream).print_tree()
    ConsoleBrowser(hostile, maxdepth=2, str_func=kind_of, stream=stream).print_tree()

    assert "list" in stream.getvalue()
    assert len(holders) == 3


def test_one_listing_of_the_heap_serves_all_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    listings: list[int] = []
    passes: list[int] = []

    class Counting(Containers):
        def __init__(self) -> None:
            listings.append(1)
            super().__init__()

        def referrers(self, wanted: Any) -> Any:
            passes.append(len(wanted))
            return super().referrers(wanted)

    monkeypatch.setattr(refbrowser, "Containers", Counting)
    target = Target()
    holders = [[target] for _ in range(50)]

    RefBrowser(target, maxdepth=2).get_tree()

    assert listings == [1]
    assert passes[0] == 1
    assert passes[1] >= len(holders)
    assert len(passes) == 2


def test_nothing_stays_alive_once_the_tree_is_gone() -> None:
    target = Target()
    gone = weakref.ref(target)
    gc.collect()
    gc.disable()
    try:
        RefBrowser(target).get_tree()
        del target
        assert gone() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_garbage_of_half_built_tuples_is_not_touched() -> None:
    target = Target()

    def items() -> Any:
        yield target
        RefBrowser(target).get_tree()
        yield target

    assert tuple(items()) == (target, target)


# How it is drawn: the format of Pympler 1.1.


def test_branches() -> None:
    tree = node(
        "root", node("branch1", "a", "b", "c", "d"), node("branch2", "e", node("branch3", "f"), "g")
    )

    assert drawn(tree) == (
        "root-+-branch1-+-a\n"
        "     |         +-b\n"
        "     |         +-c\n"
        "     |         +-d\n"
        "     |\n"
        "     +-branch2-+-e\n"
        "               +-branch3--f\n"
        "               +-g\n"
    )


def test_a_single_line() -> None:
    assert drawn(node("root")) == "root\n"
    assert drawn("leaf") == "leaf\n"
    assert drawn(node("root", node("only", node("one", "leaf")))) == "root--only--one--leaf\n"


def test_a_branch_below_a_branch() -> None:
    tree = node("r", node("x", node("y", "1", "2")), node("z", "3", "4"))

    assert drawn(tree) == ("r-+-x--y-+-1\n  |      +-2\n  |\n  +-z-+-3\n      +-4\n")


def test_no_deeper_than_asked() -> None:
    tree = node("a+|", node("b", node("c", node("d"))))

    assert drawn(tree, maxdepth=2) == "a+|--b--c\n"
    assert drawn(tree, maxdepth=0) == "a+|\n"


def test_other_characters() -> None:
    class Pretty(StreamBrowser):
        hline, vline, cross, space = "=", "!", "#", "."

    stream = io.StringIO()
    Pretty(None, stream=stream).print_tree(node("r", node("x", "1", "2"), "3"))

    assert stream.getvalue() == "r=#=x=#=1\n..!...#=2\n..!\n..#=3\n"


def test_a_tree_too_deep_for_recursion() -> None:
    tree = node("0")
    for number in range(1, 3_000):
        tree = node(str(number % 10), tree)

    assert drawn(tree, maxdepth=10_000).count("--") == 2_999


def test_to_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    item, _holders = held()

    ConsoleBrowser(item(), maxdepth=1, str_func=kind_of).print_tree()

    assert sorted(capsys.readouterr().out.split()) == ["+-dict", "Target-+-list"]


def test_to_a_file(tmp_path: Path) -> None:
    browser = FileBrowser(None, str_func=str)

    browser.print_tree(str(tmp_path / "tree.txt"), node("ünï", "\udc80"))

    assert (tmp_path / "tree.txt").read_bytes() == "ünï--\\udc80\n".encode()
    assert browser.stream is None


def test_without_a_stream() -> None:
    with pytest.raises(ValueError, match="nothing to print to"):
        StreamBrowser(None).print_tree()


def test_the_default_text() -> None:
    stream = io.StringIO()
    ConsoleBrowser([], 1, stream=stream).print_tree()

    assert stream.getvalue().startswith("list")
    assert gui_default_str_function(len).endswith(f"(id={id(len)})")


# The window.


def test_the_lines_of_the_window() -> None:
    item, holders = held()
    browser = RefBrowser(item(), maxdepth=1, str_func=kind_of, repeat=True)

    top = TreeItem(browser.get_tree(), browser)
    below = top._GetSubList()

    assert top.GetText() == "Target"
    assert sorted(line.GetText() for line in below) == ["dict", "list"]
    assert all(line._IsExpandable() for line in below)
    outer = next(line for line in below if line.GetText() == "list")._GetSubList()
    assert any(line.node.o is holders for line in outer)
    leaf = TreeItem("list (already included, id 1)", browser)
    assert not leaf._IsExpandable()
    assert leaf._GetSubList() == []
    assert (leaf.GetIconName(), top.GetIconName()) == ("python", None)
    holders.append({item()})
    top.reload()
    assert "set" in [line.GetText() for line in top._GetSubList()]


def test_without_tkinter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tkinter", None)

    with pytest.raises(ImportError, match="InteractiveBrowser needs tkinter and idlelib"):
        InteractiveBrowser([])


def test_importing_loads_no_tkinter() -> None:
    code = "import sys, pympler.refbrowser; print('tkinter' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    require("tkinter", has_tkinter(), "python3-tk")
    monkeypatch.delenv("DISPLAY", raising=False)
    if sys.platform in ("win32", "darwin"):
        pytest.skip("there is always a display")

    with pytest.raises(ImportError, match="needs a display"):
        InteractiveBrowser([Target()]).main()


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen: the one that is there, or a virtual one."""
    require("tkinter", has_tkinter(), "python3-tk")
    if os.environ.get("DISPLAY"):
        yield
        return
    require("a display", shutil.which("Xvfb"), "xvfb")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        monkeypatch.setenv("DISPLAY", f":{server.stdout.readline().strip()}")
        yield
    finally:
        server.terminate()
        server.communicate()


def test_a_window(display: None) -> None:
    import tkinter

    item, _holders = held()
    window = tkinter.Tk()
    try:
        browser = RefBrowser(item(), maxdepth=1, str_func=kind_of)
        widget = show_tree(window, browser, browser.get_tree())
        window.update()
        assert sorted(child.item.GetText() for child in widget.children) == ["dict", "list"]
        widget.reload()
        window.update()
        assert len(widget.children) == 2
    finally:
        window.destroy()
    gc.collect()


def has_tkinter() -> bool:
    return all(importlib.util.find_spec(name) for name in ("_tkinter", "tkinter", "idlelib"))
