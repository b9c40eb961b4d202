"""Statistics of tracked classes: sorted, printed, dumped, compared, and as pages."""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pympler.asizeof import asizeof
from pympler.classtracker import ClassTracker
from pympler.classtracker_stats import ConsoleStats, HtmlStats, Stats, compare
from pympler.errors import DumpError


class Foo:
    def __init__(self, value: Any = "x") -> None:
        self.value = value


class Bar(Foo):
    pass


HOSTILE = """</script><img src=x onerror="alert('1')">&"""


class Hostile:
    def __init__(self) -> None:
        self.value = {HOSTILE: HOSTILE}

    def __repr__(self) -> str:
        return HOSTILE


@pytest.fixture
def tracker() -> Iterator[ClassTracker]:
    """Three of one class, of which one dies, and one of another; three snapshots."""
    made = ClassTracker()
    made.track_class(Foo, name="Foo", resolution_level=2, trace=1)
    made.track_class(Bar, name="Bar")
    made.create_snapshot("start")
    kept = [Foo("a" * 2000), Foo("b" * 500), Foo("c"), Bar()]
    made.create_snapshot("four")
    del kept[0]
    made.create_snapshot("three")
    yield made
    made.close()
    del kept


def printed(stats: ConsoleStats, method: str, *args: Any, **options: Any) -> str:
    out = io.StringIO()
    stats.stream = out
    getattr(stats, method)(*args, **options)
    return out.getvalue()


def test_the_summary(tracker: ClassTracker) -> None:
    lines = printed(tracker.stats, "print_summary").splitlines()
    assert lines[0] == "---- SUMMARY ".ljust(79, "-") == lines[0][:79]
    assert lines[-1] == "-" * 79
    assert (
        lines[4]
        == "four                                     active      0     B      average   pct"
    )
    assert [line.split()[:2] for line in lines[5:7]] == [["Bar", "1"], ["Foo", "3"]]
    assert lines[6].startswith("  Foo                                         3 ")
    assert len(lines) == 2 + 3 * 3


def test_instances_one_by_one(tracker: ClassTracker) -> None:
    stats = tracker.stats
    out = printed(stats, "print_stats")
    assert out.count("finalize") == 1
    assert out.count("Foo   ") == 3
    assert "( free )" in out
    assert re.search(rf"  {re.escape(__file__)}:  \d+ in tracker\n", out)
    assert '    kept = [Foo("a" * 2000)' in out
    assert "[V] value: 'aaa" in out
    assert printed(stats, "print_stats", limit=2).count("Foo   ") == 1
    assert printed(stats, "print_stats", clsname="Bar").splitlines()[0].startswith("Bar      ")
    assert len(printed(stats, "print_stats", limit=0.5)) < len(out)
    with pytest.raises(ValueError, match="limit is -1"):
        stats.print_stats(limit=-1)


def test_instances_tell_what_they_are_sorted_by() -> None:
    tracker = ClassTracker()
    growing, shrinking = Foo("a" * 100), Foo("b" * 90_000)
    tracker.track_object(growing)
    tracker.track_object(shrinking)
    tracker.create_snapshot("one is large")
    growing.value, shrinking.value = "a" * 50_000, ""
    tracker.create_snapshot("the other is")
    first, second = tracker.stats.sort_stats("tsize").sorted
    assert (first.classname, first.ref()) == ("Foo", shrinking)
    assert first.size == first.tsize > 90_000
    assert second.size > 50_000 > second.tsize > 100
    tracker.detach_all()


def test_sorting(tracker: ClassTracker) -> None:
    stats = tracker.stats
    assert stats.sort_stats("size") is stats
    sizes = [item.get_max_size() for item in stats.sorted]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2000
    stats.reverse_order()
    assert [item.get_max_size() for item in stats.sorted] == sizes[::-1]
    assert [item.name for item in stats.sort_stats("classname", "birth").sorted] == ["Bar"] + [
        "Foo"
    ] * 3
    assert stats.sort_stats("death").sorted[0].death is not None
    for key in ("birth", "name", "repr", "tsize"):
        assert len(stats.sort_stats(key).sorted) == 4
    with pytest.raises(ValueError, match="cannot sort by 'nothing': use one of classname, tsize"):
        stats.sort_stats("nothing")


def test_what_the_tracker_knows(tracker: ClassTracker) -> None:
    stats = Stats(tracker=tracker)
    assert stats.tracked_classes == ["Bar", "Foo"]
    assert list(stats.index) == ["Foo", "Bar"]
    assert [count for _, count in stats.history["Foo"]] == [1, 2, 3, 2]
    assert [each.desc for each in stats.snapshots] == ["start", "four", "three"]
    assert stats.annotate_snapshot(stats.snapshots[1])["Foo"]["active"] == 3


@pytest.mark.parametrize("mode", ["name", "text", "bytes"])
def test_a_dump_prints_like_the_tracker(tracker: ClassTracker, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "stats.json"
    before = [printed(tracker.stats, name) for name in ("print_summary", "print_stats")]
    if mode == "name":
        tracker.stats.dump_stats(path)
    else:
        file = path.open("w" if mode == "text" else "wb")
        tracker.stats.dump_stats(file)
        assert file.closed
    stats = ConsoleStats(filename=path)
    assert [printed(stats, name) for name in ("print_summary", "print_stats")] == before
    again = tmp_path / "again.json"
    stats.dump_stats(again)
    assert {**json.loads(again.read_text()), "made": ""} == {
        **json.loads(path.read_text()),
        "made": "",
    }
    with again.open("rb") as opened:
        stats.load_stats(opened)
    assert printed(stats, "print_summary") == before[0]
    assert [each.name for each in tmp_path.iterdir()].count("stats.json") == 1
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (pickle.dumps([1]), "Pympler 1.1 are pickles, which are not read"),
        (b"[]", "is no dump of a class tracker"),
        (
            b'{"kind": "pympler class tracker", "schema": 2}',
            "has schema 2 and this version reads up to 1",
        ),
        (b'{"kind": "pympler class tracker", "schema": 1}', "is damaged"),
        (b'{"kind": "pympler class tracker", "schema": 1, "sites": [[1]]}', "is damaged"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(DumpError, match=text):
        Stats(filename=path)


def test_a_dump_that_fails_leaves_the_old_one(tracker: ClassTracker, tmp_path: Path) -> None:
    path = tmp_path / "stats.json"
    tracker.stats.dump_stats(path)
    before = path.read_bytes()
    tracker.snapshots[0].desc = object()  # type: ignore[assignment]
    with pytest.raises(TypeError):
        tracker.stats.dump_stats(path)
    tracker.snapshots[0].desc = "start"
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(FileNotFoundError):
        tracker.stats.dump_stats(tmp_path / "nowhere" / "stats.json")


def test_two_runs_are_compared(tmp_path: Path) -> None:
    names = []
    for run, size in enumerate([1000, 100]):
        tracker = ClassTracker()
        tracker.track_class(Foo, name="Foo")
        kept = [Foo("x" * size) for _ in range(10 + run)]
        tracker.create_snapshot("full")
        expected = sum(map(asizeof, kept)) - 0
        del kept[5:]
        tracker.create_snapshot("end")
        tracker.close()
        tracker.stats.dump_stats(tmp_path / f"{run}.json")
        names.append((tmp_path / f"{run}.json", expected))
    (before, _), (after, _) = names
    full = compare(before, Stats(filename=after), snapshot="full")
    (row,) = full.rows
    assert (row.name, row.count_before, row.count_after, row.count_diff) == ("Foo", 10, 11, 1)
    assert (row.births_before, row.births_after) == (10, 11)
    assert row.bytes_diff == full.bytes_diff < -7000
    assert row.peak_before == row.bytes_before
    end = compare(before, after)
    assert (end.rows[0].count_before, end.rows[0].count_after) == (5, 5)
    assert end.to_dict()["rows"][0]["bytes_after"] == end.rows[0].bytes_after
    assert "Foo" in str(end)
    assert "(-8" in end.format() or "(-7" in end.format()
    with pytest.raises(
        ValueError, match="the run before has no snapshot called 'x', only: 'full', 'end'"
    ):
        compare(before, after, snapshot="x")
    with pytest.raises(ValueError, match="the run after has no snapshot: call create_snapshot"):
        compare(before, Stats())


def test_pages_link_to_each_other_and_need_nothing_else(
    tracker: ClassTracker, tmp_path: Path
) -> None:
    path = tmp_path / "footest.html"
    HtmlStats(tracker=tracker).create_html(path, title="My classes")
    page = path.read_text()
    assert "<h1>My classes</h1>" in page
    assert '<a href="footest_files/Foo.html">Foo</a>' in page
    assert page.count("<svg ") == 2
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
    details = (tmp_path / "footest_files" / "Foo.html").read_text()
    assert '<a href="../footest.html">' in details
    assert "3 instances made; 1 died, 2 are alive" in details
    assert "[V] value" in details


def test_pages_of_a_dump_of_hostile_names(tmp_path: Path) -> None:
    tracker = ClassTracker()
    tracker.track_class(Hostile, name=HOSTILE, resolution_level=2)
    tracker.track_class(Foo, name="a.b")
    tracker.track_class(Bar, name="A/b")
    kept = [Hostile(), Foo(), Bar()]
    tracker.create_snapshot(HOSTILE)
    tracker.close()
    tracker.stats.dump_stats(tmp_path / "dump.json")
    del kept
    HtmlStats(filename=tmp_path / "dump.json").create_html(tmp_path / "x.html", title=HOSTILE)
    files = sorted(each.name for each in (tmp_path / "x_files").iterdir())
    assert files[0] == "A_b_2.html"
    assert files[2] == "a_b.html"
    assert len(files) == 3
    for file in [tmp_path / "x.html", *(tmp_path / "x_files").iterdir()]:
        text = file.read_text()
        assert "<img" not in text
        assert "</script" not in text
        assert "alert('" not in text


def test_pages_without_anything_say_what_to_do(tmp_path: Path) -> None:
    HtmlStats(tracker=ClassTracker()).create_html(tmp_path / "empty.html")
    assert "track_class()" in (tmp_path / "empty.html").read_text()
    tracker = ClassTracker()
    tracker.track_class(Foo)
    tracker.close()
    HtmlStats(tracker=tracker).create_html(tmp_path / "empty.html")
    assert "sizes are known only at snapshots" in (tmp_path / "empty.html").read_text()
