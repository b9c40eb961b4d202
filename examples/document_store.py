"""An investigation: a document store whose parsed nodes stay alive although documents are closed.

    python examples/document_store.py            the store as it is: nodes pile up
    python examples/document_store.py --fixed    the store without the fault

Each run prints a summary, and writes a report (``report.html``) and a dump (``stats.json``) to the
folder given with ``--output``. ``docs/classtracker.md`` tells how the fault is found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pympler.classtracker import ClassTracker
from pympler.classtracker_stats import HtmlStats

TEXT = "= Title\nsome words\n- first item\n- second item\n" * 20


class Node:
    """A line of a document."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        self.children: list[Node] = []


class Document:
    """A parsed text."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.root = Node("document", name)
        for line in text.splitlines():
            kind = {"=": "heading", "-": "item"}.get(line[:1], "paragraph")
            self.root.children.append(Node(kind, line))


class Store:
    """Opens and closes documents, and finds lines in those that are open."""

    def __init__(self, *, fixed: bool) -> None:
        self.fixed = fixed
        self.open_documents: dict[str, Document] = {}
        self.headings: dict[str, list[Node]] = {}

    def open(self, name: str, text: str) -> Document:
        """Parse a document and index its headings."""
        document = self.open_documents[name] = Document(name, text)
        found = [node for node in document.root.children if node.kind == "heading"]
        self.headings[name] = found
        return document

    def close(self, name: str) -> None:
        """Forget a document."""
        del self.open_documents[name]
        if self.fixed:
            del self.headings[name]  # what was forgotten: the index keeps the nodes


def main() -> None:
    """Track the classes through three phases and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixed", action="store_true", help="run the store without the fault")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the results")
    options = parser.parse_args()

    tracker = ClassTracker()
    tracker.track_class(Document, name="Document")
    tracker.track_class(Node, name="Node", resolution_level=1, trace=2)
    store = Store(fixed=options.fixed)
    tracker.create_snapshot("start")
    for number in range(50):
        store.open(f"document {number}", TEXT)
    tracker.create_snapshot("50 documents open")
    for number in range(50):
        store.close(f"document {number}")
    tracker.create_snapshot("all closed")
    tracker.close()

    tracker.stats.print_summary()
    options.output.mkdir(parents=True, exist_ok=True)
    HtmlStats(tracker=tracker).create_html(options.output / "report.html", title="Document store")
    tracker.stats.dump_stats(options.output / "stats.json")


if __name__ == "__main__":
    main()
