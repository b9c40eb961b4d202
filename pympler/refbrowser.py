"""Trees of referrers: what refers to an object, what refers to that, and so on.

Example:
    >>> from pympler.refbrowser import ConsoleBrowser
    >>> orders = {"first": [{"an egg"}]}
    >>> kind_of = lambda item: type(item).__name__
    >>> ConsoleBrowser(orders["first"][0], maxdepth=2, str_func=kind_of).print_tree()
    set--list--dict
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from pympler.graph.containers import Containers
from pympler.graph.treewindow import show_tree
from pympler.summary import _repr

__all__ = [
    "ConsoleBrowser",
    "FileBrowser",
    "InteractiveBrowser",
    "RefBrowser",
    "StreamBrowser",
    "gui_default_str_function",
]

StrFunction = Callable[[Any], str]


class Node:
    """An object in a tree of referrers.

    Attributes:
        o: the object.
        children: what refers to it, each a node, or a text for one that is elsewhere in the tree.
        str_func: gives the text of an object; ``None`` for ``str``.
    """

    __slots__ = ("children", "o", "str_func")

    def __init__(self, o: Any, str_func: StrFunction | None = None) -> None:
        self.o = o
        self.children: list[Any] = []
        self.str_func = str_func

    def __str__(self) -> str:
        return str(self.o) if self.str_func is None else self.str_func(self.o)


class RefBrowser:
    """Finds what refers to an object; the base of the browsers that show it.

    The heap is listed once and gone through once for each level of the tree. Nothing of
    Pympler's appears in the tree, nor does what the browser is told to ignore. Frames of running
    functions do, with the local variables that they hold.

    Args:
        rootobject: the object to begin with.
        maxdepth: how many levels of referrers to find.
        str_func: gives the text of an object.
        repeat: whether an object that is in the tree already is followed again. Otherwise a line
            refers to its first appearance, on the level nearest to the root.
        stream: where browsers that print do so.

    Attributes:
        ignore: objects that are to be left out of the tree.
        already_included: ids of the objects in the tree.
    """

    def __init__(
        self,
        rootobject: Any,
        maxdepth: int = 3,
        str_func: StrFunction = _repr,
        repeat: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self.root = rootobject
        self.maxdepth = maxdepth
        self.str_func = str_func
        self.repeat = repeat
        self.stream = stream
        self.ignore: list[Any] = []
        self.already_included: set[int] = set()

    def get_tree(self) -> Node:
        """The tree of referrers: its root, with attributes ``o`` and ``children``."""
        self.already_included.clear()
        return self.grow(self.root, self.maxdepth)

    def grow(self, item: Any, maxdepth: int) -> Node:
        """The tree of referrers of any object; what is in it counts as included from now on."""
        root = Node(item, self.str_func)
        self.already_included.add(id(item))
        containers = Containers()
        left_out = self._left_out()
        level = [root]
        for _ in range(maxdepth):
            # Made after the listing, and so not in it.
            referrers: dict[int, list[Any]] = {id(node.o): [] for node in level}
            for referrer, ids in containers.referrers(referrers.keys()):
                if id(referrer) not in left_out:
                    for key in ids:
                        referrers[key].append(referrer)
            level = list(self._attach(level, referrers))
        return root

    def _left_out(self) -> set[int]:
        # A browser of a class of the application's is not recognized as Pympler's own.
        machinery = [self, self.ignore, self.already_included, self.__dict__]
        return set(map(id, self.ignore)) | set(map(id, machinery))

    def _attach(self, level: list[Node], referrers: dict[int, list[Any]]) -> Iterator[Node]:
        for node in level:
            for item in referrers[id(node.o)]:
                if not self.repeat and id(item) in self.already_included:
                    text = self.str_func(item)
                    node.children.append(f"{text} (already included, id {id(item)})")
                    continue
                self.already_included.add(id(item))
                child = Node(item, self.str_func)
                node.children.append(child)
                yield child


class StreamBrowser(RefBrowser):
    """Prints the tree of referrers to a stream.

    The class attributes ``hline``, ``vline``, ``cross`` and ``space`` are the characters that the
    tree is drawn with, one of each.
    """

    hline = "-"
    vline = "|"
    cross = "+"
    space = " "

    def print_tree(self, tree: Node | str | None = None) -> None:
        """Print a tree.

        Args:
            tree: what :meth:`get_tree` has returned, by default a new one.

        Raises:
            ValueError: if the browser has no stream.
        """
        if self.stream is None:
            raise ValueError("there is nothing to print to: pass stream=, or use ConsoleBrowser")
        for line in self._lines(self.get_tree() if tree is None else tree):
            self.stream.write(line + "\n")

    def _lines(self, tree: Node | str) -> Iterator[str]:
        # What is still to be drawn, the next at the end: a node with the text before it, the
        # text before the lines that follow it, and its level; or else a complete line.
        waiting: list[tuple[Node | str, str, str, int] | str] = [(tree, "", "", 0)]
        while waiting:
            drawn = waiting.pop()
            if isinstance(drawn, str):
                yield drawn
                continue
            node, start, below, level = drawn
            text = str(node)
            children: list[Any] = (
                [] if isinstance(node, str) or level == self.maxdepth else node.children
            )
            if not children:
                yield start + text
                continue
            below += self.space * (len(text) + 1)
            if len(children) == 1:
                lead = start + text + 2 * self.hline
                waiting.append((children[0], lead, below + self.space, level + 1))
                continue
            if below.strip(self.space):
                waiting.append(below.rstrip(self.space))  # sets the branches apart
            lead = below + self.cross + self.hline
            last = len(children) - 1
            for place in range(last, 0, -1):
                line = self.space if place == last else self.vline
                waiting.append((children[place], lead, below + line + self.space, level + 1))
            lead = start + text + self.hline + self.cross + self.hline
            waiting.append((children[0], lead, below + self.vline + self.space, level + 1))


class ConsoleBrowser(StreamBrowser):
    """Prints the tree of referrers to the console; takes what :class:`RefBrowser` takes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stream is None:
            self.stream = sys.stdout


class FileBrowser(StreamBrowser):
    """Prints the tree of referrers to a file; takes what :class:`RefBrowser` takes."""

    def print_tree(  # type: ignore[override]
        self, filename: Any, tree: Node | str | None = None
    ) -> None:
        """Print a tree to a file.

        Args:
            filename: the file to write, in UTF-8.
            tree: what :meth:`get_tree` has returned, by default a new one.
        """
        stream = self.stream
        with open(filename, "w", encoding="utf-8", errors="backslashreplace") as self.stream:
            try:
                super().print_tree(tree)
            finally:
                self.stream = stream


def gui_default_str_function(o: Any) -> str:
    """The text of an object in an :class:`InteractiveBrowser`: its representation and its id."""
    return f"{_repr(o)}(id={id(o)})"


class InteractiveBrowser(RefBrowser):
    """Shows the tree of referrers in a window, in which it can be followed further.

    Needs tkinter with a display, and IDLE's tree widget; both come with most Pythons.

    Args:
        rootobject: the object to begin with.
        maxdepth: how many levels of referrers to find at first.
        str_func: gives the text of an object.
        repeat: whether an object that is in the tree already is followed again.

    Raises:
        ImportError: if tkinter or ``idlelib`` is not installed.
    """

    def __init__(
        self,
        rootobject: Any,
        maxdepth: int = 3,
        str_func: StrFunction = gui_default_str_function,
        repeat: bool = True,
    ) -> None:
        try:
            self._tkinter: Any = importlib.import_module("tkinter")
            importlib.import_module("idlelib.tree")
        except ImportError as error:
            raise ImportError(f"InteractiveBrowser needs tkinter and idlelib: {error}") from error
        super().__init__(rootobject, maxdepth, str_func, repeat)

    def main(self, standalone: bool = False) -> None:
        """Open the window.

        Args:
            standalone: whether to wait until it is closed; ``False`` if the application runs the
                main loop of tkinter itself.

        Raises:
            ImportError: if there is no display.
        """
        try:
            window = self._tkinter.Tk()
        except self._tkinter.TclError as error:
            raise ImportError(f"InteractiveBrowser needs a display: {error}") from error
        show_tree(window, self, self.get_tree())
        if standalone:
            window.mainloop()
