"""Growth: which containers grow from scan to scan, by their lengths alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

__all__ = ["Tracks", "advance", "growing", "start_tracks"]

Tracks = dict[int, tuple[int, ...]]
"""Lengths of containers, one per scan, by id."""


def start_tracks(lengths: Mapping[int, int]) -> Tracks:
    """Begin to track containers with their first lengths."""
    return {key: (length,) for key, length in lengths.items()}


def advance(tracks: Tracks, lengths: Mapping[int, int]) -> Tracks:
    """Continue tracks with new lengths, without those that are gone, shrank or stand still.

    A container may stand still once, because the attributes of an instance move into a
    dictionary when there are many.

    Example:
        >>> advance({1: (5, 6), 2: (5, 6), 3: (5, 5)}, {1: 7, 2: 5, 3: 5})
        {1: (5, 6, 7)}
    """
    advanced: Tracks = {}
    for key, track in tracks.items():
        length = lengths.get(key, -1)
        if length < track[-1] or (length == track[0] and len(track) > 1):
            continue
        advanced[key] = (*track, length)
    return advanced


def growing(
    tracks: Mapping[int, tuple[int, ...]], requests: int, *, least: float = 0.05
) -> dict[int, float]:
    """The containers that grew in every round, or in all but one, and by how much per request.

    Args:
        tracks: their lengths.
        requests: requests in each round.
        least: smallest growth per request that counts.

    Example:
        >>> growing({1: (0, 20, 40, 60), 2: (0, 1, 1, 1), 3: (0, 0, 20, 40)}, 20)
        {1: 1.0, 3: 0.6666666666666666}
    """
    found = {}
    for key, track in tracks.items():
        steps = [after - before for before, after in itertools.pairwise(track)]
        grown = sum(step > 0 for step in steps)
        growth = (track[-1] - track[0]) / (requests * max(len(steps), 1))
        if grown >= max(2, len(steps) - 1) and growth >= least:
            found[key] = growth
    return found
