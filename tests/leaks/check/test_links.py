"""Old objects that point at new ones."""

from __future__ import annotations

import gc
from xml.etree import ElementTree

from pympler.leaks.check.links import find_hubs, find_links
from pympler.leaks.containers import tracked_ids


class Holder:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def test_links_lead_from_old_objects_to_chains_of_new_ones() -> None:
    holder = Holder(None)
    gc.collect()
    old = tracked_ids()
    for _ in range(50):
        holder.value = Holder(holder.value)
    best = find_links(old)[0]
    assert best.child is holder.value
    assert best.reach == 50


def test_an_object_of_c_code_that_takes_many_is_found() -> None:
    root = ElementTree.Element("feed")
    old = tracked_ids()
    for _ in range(20):
        ElementTree.SubElement(root, "entry")

    assert any(one is root for one in find_hubs(old, 20))
    assert not any(one is root for one in find_hubs(old, 21))
