"""A window that shows a tree of referrers; tkinter and IDLE are imported when it opens."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

__all__ = ["TreeItem", "show_tree"]


class Node(Protocol):
    """What is shown: an object and what refers to it, nodes or plain texts."""

    o: Any
    children: list[Any]


class Browser(Protocol):
    """What finds the referrers of an object."""

    def grow(self, item: Any, maxdepth: int) -> Any:
        """A node for an object, with its referrers up to a depth."""


class TreeItem:
    """A line in the window: what IDLE's tree widget asks it for.

    Referrers are looked for when a line is unfolded.
    """

    __slots__ = ("browser", "node")

    def __init__(self, node: Any, browser: Browser) -> None:
        self.node = node
        self.browser = browser

    def GetText(self) -> str:  # noqa: N802 - the names are the widget's
        """The text of the line."""
        return str(self.node)

    def GetLabelText(self) -> None:  # noqa: N802
        """No text before that."""

    def IsEditable(self) -> bool:  # noqa: N802
        """Objects cannot be renamed."""
        return False

    def SetText(self, text: str) -> None:  # noqa: N802
        """See :meth:`IsEditable`."""

    def GetIconName(self) -> str | None:  # noqa: N802
        """A picture of its own for what cannot be unfolded."""
        return None if self._IsExpandable() else "python"

    def GetSelectedIconName(self) -> None:  # noqa: N802
        """The same picture when the line is selected."""

    def OnDoubleClick(self) -> None:  # noqa: N802
        """Nothing but unfolding, which the widget does itself."""

    def reload(self) -> None:
        """Find the referrers anew."""
        if not isinstance(self.node, str):
            self.node = self.browser.grow(self.node.o, 1)

    def _IsExpandable(self) -> bool:  # noqa: N802
        return not isinstance(self.node, str)

    def _GetSubList(self) -> list[TreeItem]:  # noqa: N802
        if isinstance(self.node, str):
            return []
        if not self.node.children:
            self.reload()
        return [TreeItem(child, self.browser) for child in self.node.children]


def show_tree(window: Any, browser: Browser, tree: Node) -> Any:
    """Fill a window with a tree; gives the widget of its root, unfolded.

    Args:
        window: a ``tkinter.Tk`` or ``Toplevel``.
        browser: finds further referrers.
        tree: the nodes that are known.
    """
    widgets: Any = importlib.import_module("idlelib.tree")
    canvas = widgets.ScrolledCanvas(window, bg="white", highlightthickness=0, takefocus=1)
    canvas.frame.pack(expand=1, fill="both")
    node = _tree_node()(canvas.canvas, None, TreeItem(tree, browser))
    node.expand()
    return node


def _tree_node() -> type:
    """IDLE's widget for a line, with a menu on the right mouse button."""
    tkinter: Any = importlib.import_module("tkinter")
    base: Any = importlib.import_module("idlelib.tree").TreeNode

    class TreeNode(base):  # type: ignore[misc]
        def drawtext(self) -> None:
            super().drawtext()
            menu = tkinter.Menu(self.canvas, tearoff=0)
            menu.add_command(label="unfold", command=self.expand)
            menu.add_command(label="find referrers anew", command=self.reload)
            self.label.bind("<Button-3>", lambda event: menu.post(event.x_root, event.y_root))

        def reload(self) -> None:
            self.item.reload()
            self.collapse()
            self.children: list[Any] = []
            self.expand()

    return TreeNode
