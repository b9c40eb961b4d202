"""Files of snapshots: a line that says what it is, a header in JSON, and the arrays.

The page ``docs/heapwalk.md`` describes the format. Nothing in a file is run, whoever wrote it.
"""

from __future__ import annotations

import json
import math
import os
import struct
import sys
import zlib
from array import array
from collections.abc import Mapping
from itertools import pairwise
from os import PathLike
from typing import IO, Any

from pympler.errors import SnapshotFileError
from pympler.graph.snapshot_graph import HeapGraph, Top

__all__ = ["VERSION", "load", "save"]

MAGIC = b"Pympler heap snapshot\n"
VERSION = 1
_LENGTHS = struct.Struct("<QQI")  # bytes of an array, bytes of it compressed, its CRC
_HEADER = struct.Struct("<Q")
_ARRAYS = {"kinds": "I", "sizes": "Q", "ids": "Q", "starts": "Q", "targets": "I"}
_LISTS = {"loose": "I", "hidden": "I"}
_AT_ONCE = 1 << 20
_LARGEST_HEADER = 1 << 28


def save(
    path: str | PathLike[str], graph: HeapGraph, head: Mapping[str, Any], names: Mapping[int, str]
) -> None:
    """Write a snapshot: first beside the file, so that one of that name is never half written."""
    header = {
        "version": VERSION,
        **head,
        "nodes": len(graph),
        "types": graph.types,
        "tops": [[top.node, top.label, top.phase, top.is_machinery] for top in graph.tops],
        "names": [[node, name] for node, name in names.items()],
    }
    text = json.dumps(header).encode("ascii")
    beside = f"{os.fspath(path)}.{os.getpid()}.part"
    try:
        with open(beside, "wb") as file:
            file.write(MAGIC + _HEADER.pack(len(text)) + text)
            for name in (*_ARRAYS, *_LISTS):
                _write(file, getattr(graph, name))
        os.replace(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def _write(file: IO[bytes], values: array[int]) -> None:
    if sys.byteorder != "little":
        values = values[:]
        values.byteswap()
    view = memoryview(values).cast("B")
    place = file.tell()
    file.write(bytes(_LENGTHS.size))
    packer = zlib.compressobj(1)
    crc = 0
    for start in range(0, len(view), _AT_ONCE):
        crc = zlib.crc32(view[start : start + _AT_ONCE], crc)
        file.write(packer.compress(view[start : start + _AT_ONCE]))
    file.write(packer.flush())
    end = file.tell()
    file.seek(place)
    file.write(_LENGTHS.pack(len(view), end - place - _LENGTHS.size, crc))
    file.seek(end)


def load(path: str | PathLike[str]) -> tuple[HeapGraph, dict[str, Any], dict[int, str]]:
    """Read a snapshot: the graph, ``taken_at`` and ``reason``, and the names of nodes.

    Raises:
        OSError: if the file cannot be read.
        SnapshotFileError: if it is not a whole snapshot of a version that is known.
    """
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise SnapshotFileError(f"{os.fspath(path)!r} is not a heap snapshot")
        try:
            return _read(file)
        except SnapshotFileError as error:
            raise SnapshotFileError(f"{os.fspath(path)!r}: {error}") from None
        # What a damaged header may lead to: wrong types, lengths, numbers.
        except (ArithmeticError, LookupError, TypeError, ValueError, struct.error) as error:
            raise SnapshotFileError(f"{os.fspath(path)!r} is damaged: {error}") from None
        except (RecursionError, zlib.error) as error:
            raise SnapshotFileError(f"{os.fspath(path)!r} is damaged: {error}") from None


def _read(file: IO[bytes]) -> tuple[HeapGraph, dict[str, Any], dict[int, str]]:
    (length,) = _HEADER.unpack(file.read(_HEADER.size))
    if length > _LARGEST_HEADER:
        raise ValueError(f"a header of {length} bytes")
    header = json.loads(file.read(length))
    version = header["version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"version {version!r}")
    if version > VERSION:
        raise SnapshotFileError(
            f"made by a newer version of Pympler (format {version}, this one reads up to "
            f"{VERSION}): update Pympler"
        )
    nodes = header["nodes"]
    arrays = {name: _read_array(file, code) for name, code in (_ARRAYS | _LISTS).items()}
    types = [_text(name) for name in header["types"]]
    tops = [
        Top(_node(node, nodes), _text(label), int(phase), bool(is_machinery))
        for node, label, phase, is_machinery in header["tops"]
    ]
    names = {_node(node, nodes): _text(name) for node, name in header["names"]}
    head: dict[str, Any] = {
        "taken_at": float(header["taken_at"]),
        "reason": _text(header["reason"]),
    }
    if not math.isfinite(head["taken_at"]):
        raise ValueError("no time when it was taken")
    graph = HeapGraph(types, tops=tops, **arrays)
    _check(graph, nodes)
    return graph, head, names


def _read_array(file: IO[bytes], code: str) -> array[int]:
    length, packed, crc = _LENGTHS.unpack(file.read(_LENGTHS.size))
    values = array(code)
    if length % values.itemsize:
        raise ValueError("an array that ends within a number")
    unpacker = zlib.decompressobj()
    found = bytearray()
    while packed:
        part = file.read(min(packed, _AT_ONCE))
        if not part:
            raise ValueError("it ends too early")
        packed -= len(part)
        # No more than was promised, however much the file would unpack to.
        found += unpacker.decompress(part, length - len(found) + 1)
        if len(found) > length:
            break
    if len(found) != length or zlib.crc32(found) != crc:
        raise ValueError("an array does not have its checksum")
    values.frombytes(found)
    if sys.byteorder != "little":
        values.byteswap()
    return values


def _check(graph: HeapGraph, nodes: int) -> None:
    """Refuse what would lead out of the arrays later."""
    if not len(graph.kinds) == len(graph.sizes) == len(graph.ids) == nodes:
        raise ValueError("arrays of unequal length")
    if nodes < 1 or len(graph.starts) != nodes + 1 or graph.starts[1] != 0:
        raise ValueError("no node 0")
    if graph.starts[-1] != len(graph.targets) or any(a > b for a, b in pairwise(graph.starts)):
        raise ValueError("references of no node")
    for values in (graph.targets, graph.loose, graph.hidden):
        if max(values, default=0) >= nodes:
            raise ValueError("a reference to no node")
    if max(graph.kinds) >= len(graph.types):
        raise ValueError("a node of no type")


def _node(node: Any, nodes: int) -> int:
    if type(node) is not int or not 0 < node < nodes:
        raise ValueError(f"node {node!r}")
    return node


def _text(text: Any) -> str:
    if type(text) is not str:
        raise TypeError(f"a name is {text!r}")
    return text
