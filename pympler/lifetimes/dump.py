"""Pictures in files: JSON with a schema version, which later versions go on reading."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from pympler.errors import DumpError
from pympler.lifetimes.picture import ClassHistory, Picture
from pympler.lifetimes.records import Site
from pympler.lifetimes.snapshots import Memory, Snapshot
from pympler.lifetimes.tracked import TrackedObject
from pympler.sizing.asized import Asized

__all__ = ["SCHEMA", "dump", "load"]

SCHEMA = 1
_KIND = "pympler class tracker"

File = str | os.PathLike[str] | IO[str] | IO[bytes]


def dump(picture: Picture, file: File) -> None:
    """Write a picture.

    A file that is given by name is replaced at once when all is written, and not before.

    Args:
        picture: what is known.
        file: a name, or a file open for writing, as text or bytes.
    """
    text = json.dumps(_to_dict(picture), separators=(",", ":"))
    if not isinstance(file, str | os.PathLike):
        _write(file, text)
        return
    path = Path(file)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as made:
            made.write(text)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def load(file: File) -> Picture:
    """Read a picture.

    Raises:
        DumpError: if the file holds none, or one that a later version has made.
        OSError: if it cannot be read.
    """
    label = str(file) if isinstance(file, str | os.PathLike) else str(getattr(file, "name", "?"))
    if isinstance(file, str | os.PathLike):
        raw: str | bytes = Path(file).read_bytes()
    else:
        raw = file.read()
    try:
        found = json.loads(raw)
    except (ValueError, UnicodeDecodeError) as error:
        raise DumpError(
            f"{label} holds no JSON: it is no dump of this Pympler. "
            "Dumps of Pympler 1.1 are pickles, which are not read; make a new one"
        ) from error
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        raise DumpError(f"{label} is no dump of a class tracker: make one with dump_stats()")
    schema = found.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise DumpError(
            f"{label} has schema {schema!r} and this version reads up to {SCHEMA}: "
            "use the Pympler that made it, or a later one"
        )
    try:
        return _from_dict(found)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DumpError(f"{label} is damaged ({type(error).__name__}: {error})") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write(file: Any, text: str) -> None:
    try:
        file.write(text)
    except TypeError:
        file.write(text.encode("utf-8"))


def _to_dict(picture: Picture) -> dict[str, Any]:
    sites: dict[Site, int] = {}
    classes = [_class_to_dict(history, sites) for history in picture.classes.values()]
    return {
        "kind": _KIND,
        "schema": SCHEMA,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "sites": [list(map(list, site)) for site in sites],
        "classes": classes,
        "snapshots": list(map(_snapshot_to_dict, picture.snapshots)),
    }


def _class_to_dict(history: ClassHistory, sites: dict[Site, int]) -> dict[str, Any]:
    return {
        "name": history.name,
        "births": history.births,
        "deaths": history.deaths,
        "adopted": history.adopted,
        "peak": history.peak,
        "lived_s": history.lived_s,
        "longest_s": history.longest_s,
        "lifetimes": list(map(list, history.lifetimes.items())),
        "history": [[time_s, count] for time_s, count in history.history],
        "sites": [[_place(sites, site), count] for site, count in history.sites.items()],
        "objects": [_object_to_dict(item, sites) for item in history.objects],
    }


def _object_to_dict(item: TrackedObject, sites: dict[Site, int]) -> dict[str, Any]:
    return {
        "id": item.id,
        "repr": item.repr,
        "birth": item.birth,
        "death": item.death,
        "adopted": item.adopted,
        "basic": item.basic,
        "site": None if item.site is None else _place(sites, item.site),
        "sizes": [[time_s, _size_to_list(size)] for time_s, size in item.sizes],
    }


def _place(sites: dict[Site, int], site: Site) -> int:
    return sites.setdefault(site, len(sites))


def _snapshot_to_dict(snapshot: Snapshot) -> dict[str, Any]:
    memory = snapshot.system_total
    return {
        "timestamp": snapshot.timestamp,
        "desc": snapshot.desc,
        "tracked_total": snapshot.tracked_total,
        "asizeof_total": snapshot.asizeof_total,
        "overhead": snapshot.overhead,
        "system": {"vsz": memory.vsz, "rss": memory.rss},
        "classes": {
            name: {**row, "merged": _size_to_list(row["merged"])}
            for name, row in snapshot.classes.items()
        },
    }


def _size_to_list(size: Asized) -> list[Any]:
    """Size, flat size, name and referents."""
    return [size.size, size.flat, size.name, list(map(_size_to_list, size.refs))]


def _from_dict(found: Mapping[str, Any]) -> Picture:
    sites: list[Site] = [
        tuple((str(file), int(line), str(name)) for file, line, name in site)
        for site in found["sites"]
    ]
    snapshots = list(map(_snapshot_from, found["snapshots"]))
    times = [snapshot.timestamp for snapshot in snapshots]
    classes = {row["name"]: _class_from(row, sites, times) for row in found["classes"]}
    return Picture(classes, snapshots)


def _class_from(row: Mapping[str, Any], sites: list[Site], times: list[float]) -> ClassHistory:
    name = str(row["name"])
    return ClassHistory(
        name=name,
        births=int(row["births"]),
        deaths=int(row["deaths"]),
        adopted=int(row["adopted"]),
        peak=int(row["peak"]),
        lived_s=float(row["lived_s"]),
        longest_s=float(row["longest_s"]),
        lifetimes={int(power): int(count) for power, count in row["lifetimes"]},
        history=[(float(time_s), int(count)) for time_s, count in row["history"]],
        sites={sites[place]: int(count) for place, count in row["sites"]},
        objects=[_object_from(name, item, sites, times) for item in row["objects"]],
    )


def _object_from(
    name: str, row: Mapping[str, Any], sites: list[Site], times: list[float]
) -> TrackedObject:
    return TrackedObject(
        name=name,
        id=int(row["id"]),
        birth=float(row["birth"]),
        death=None if row["death"] is None else float(row["death"]),
        adopted=bool(row["adopted"]),
        site=None if row["site"] is None else sites[row["site"]],
        sizes=[(float(time_s), _size_from(size)) for time_s, size in row["sizes"]],
        times=times,
        basic=int(row["basic"]),
        text=str(row["repr"]),
    )


def _snapshot_from(row: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        timestamp=float(row["timestamp"]),
        desc=str(row["desc"]),
        tracked_total=int(row["tracked_total"]),
        asizeof_total=int(row["asizeof_total"]),
        overhead=int(row["overhead"]),
        system_total=Memory(int(row["system"]["vsz"]), int(row["system"]["rss"])),
        classes={
            str(name): {
                "sum": int(each["sum"]),
                "avg": float(each["avg"]),
                "pct": float(each["pct"]),
                "active": int(each["active"]),
                "merged": _size_from(each["merged"]),
            }
            for name, each in row["classes"].items()
        },
    )


def _size_from(row: list[Any]) -> Asized:
    size, flat, name, refs = row
    return Asized(int(size), int(flat), tuple(map(_size_from, refs)), name)
