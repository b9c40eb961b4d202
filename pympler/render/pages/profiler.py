"""What the web profiler shows besides the pages of every application: a class tracker, one thread.

The addresses are those of Pympler 1.1. Single objects and cycles have got pages that do not keep
them alive, so the old addresses of these lead there.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence

from pympler.lifetimes.picture import ClassHistory, Picture
from pympler.lifetimes.records import Site as Place
from pympler.lifetimes.tracked import TrackedObject
from pympler.render.pages import garbage
from pympler.render.pages.answers import Redirect, Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.util.names import short_file

__all__ = ["NAVIGATION", "View", "views_of"]

View = Callable[[Site, Sequence[str]], Rendered | Redirect]

NAVIGATION = (("tracker", "Tracker"),)
"""What comes after the other pages in the navigation."""

_DOCUMENTATION = "https://pympler.readthedocs.io/"
_MOST_INSTANCES = 200
_MOST_SITES = 50


def views_of(picture: Callable[[], Picture | None]) -> Mapping[str, View]:
    """The further views by the first part of their path.

    Args:
        picture: gives what the tracker knows now, ``None`` if there is no tracker.
    """
    return {
        "tracker": lambda site, rest: _tracker(picture(), rest),
        "traceback": _traceback,
        "garbage": lambda site, rest: Redirect("/garbage") if rest else garbage.show(site, rest),
        "objects": lambda site, rest: Redirect("/heap"),
        "refresh": lambda site, rest: Redirect("/"),
        "help": lambda site, rest: Redirect(_DOCUMENTATION, elsewhere=True),
    }


def _tracker(picture: Picture | None, rest: Sequence[str]) -> Rendered:
    """All tracked classes, or ``/class/<name>``."""
    if picture is None and not rest:
        return Rendered("tracker.html", {"classes": (), "snapshots": (), "has_tracker": False})
    if picture is not None and not rest:
        return Rendered(
            "tracker.html",
            {
                "classes": sorted(picture.classes.values(), key=lambda each: each.name),
                "snapshots": picture.snapshots,
                "has_tracker": True,
                "curves": _curves(picture),
                "last": picture.snapshots[-1].timestamp if picture.snapshots else 0.0,
            },
        )
    name = "/".join(rest[1:])
    found = picture.classes.get(name) if picture is not None and rest[0] == "class" else None
    if picture is None or found is None:
        raise MissingError(f"No class {name[:80]!r} is tracked.")
    return _class(picture, found)


def _curves(picture: Picture) -> Mapping[str, list[tuple[float, float]]]:
    """Bytes of each class over the snapshots, the biggest class first."""
    curves = {
        name: [
            (snapshot.timestamp, float(snapshot.classes[name]["sum"]))
            for snapshot in picture.snapshots
            if name in snapshot.classes
        ]
        for name in picture.classes
    }
    return dict(sorted(curves.items(), key=lambda item: -max((y for _, y in item[1]), default=0)))


def _class(picture: Picture, found: ClassHistory) -> Rendered:
    sites = sorted(picture.live_sites(found.name).items(), key=lambda item: -item[1])
    # Those that live first, and of each the latest: of a leak the first ones are all alike.
    objects = sorted(found.objects, key=lambda each: (each.death is not None, -each.birth))
    return Rendered(
        "trackedclass.html",
        {
            "found": found,
            "sites": [(_words(place), number) for place, number in sites[:_MOST_SITES]],
            "objects": [_instance(each) for each in objects[:_MOST_INSTANCES]],
            "left_out": max(len(objects) - _MOST_INSTANCES, 0),
        },
    )


def _instance(item: TrackedObject) -> Mapping[str, object]:
    # No repr: it is code of the application's, and may hold what nobody is to see.
    return {
        "birth": item.birth,
        "death": item.death,
        "size": item.snapshots[-1][1].size if item.snapshots else None,
        "site": _words(item.site) if item.site is not None else "",
    }


def _words(site: Place) -> str:
    """The calls that led to a constructor, the innermost first."""
    calls = [f"{short_file(file)}:{line} in {name}" for file, line, name in reversed(site)]
    return ", called from ".join(calls)


def _traceback(site: Site, rest: Sequence[str]) -> Rendered:
    """Where a thread of this process is now."""
    number = rest[0] if len(rest) == 1 else ""
    thread = int(number) if number.isascii() and number.isdecimal() and len(number) < 20 else -1
    frame = sys._current_frames().get(thread)
    if frame is None:
        raise MissingError(f"There is no thread {number[:40]!r} now.")
    names = {each.ident: each.name for each in threading.enumerate()}
    calls = traceback.StackSummary.extract(traceback.walk_stack(frame), lookup_lines=False)
    stack = [f"{call.filename}:{call.lineno} in {call.name}" for call in calls]
    return Rendered("traceback.html", {"name": names.get(thread, str(thread)), "stack": stack})
