"""``pympler report``: what the workers of an application have found out, from their store."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from dataclasses import replace
from typing import Any

from pympler.cli import stores
from pympler.errors import StoreError, UsageError
from pympler.leaks.plain import to_dict
from pympler.leaks.report import VERDICTS, LeakSummary, worst
from pympler.render.fleet import FleetRenderer, fleet_dict
from pympler.store import Store
from pympler.store.fleet import ALIVE_S, fleet_of, new_since, selected, unattributed_in

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Says what all workers of an application have found out: a verdict for each route, and how the
releases, hosts and workers are doing. Reads their store; the application need not run.
"""
_EPILOG = """\
exit status: 0; 1 if --fail-on is given and a route is as bad or worse; 2 for a wrong argument, a
store that cannot be read, or --fail-on where no worker has said anything.
"""
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "report",
        help="say what the workers of an application have found out",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stores.add_arguments(parser)
    parser.add_argument(
        "--since",
        type=_duration,
        metavar="AGE",
        help="only workers that were heard of within this time, such as 30min, 24h or 7d",
    )
    parser.add_argument("--release", metavar="NAME", help="only workers of this release")
    parser.add_argument(
        "--new",
        action="store_true",
        help="with --release: only routes that did not leak in the releases before it",
    )
    parser.add_argument(
        "--fail-on",
        choices=[verdict for verdict in VERDICTS if verdict != "clean"],
        help="exit with 1 if a route has this verdict or a worse one",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; returns the exit code."""
    try:
        if arguments.new and arguments.release is None:
            raise UsageError("--new asks for --release NAME")
        store = stores.find_store(arguments)
        try:
            return _report(arguments, store, store.summaries())
        finally:
            store.close()
    except (StoreError, UsageError) as error:
        if arguments.json:
            print(json.dumps({"schema": 1, "error": str(error), "verdict": None, "routes": []}))
        print(f"pympler report: error: {error}", file=sys.stderr)
        return 2


def _report(arguments: argparse.Namespace, store: Store, summaries: list[LeakSummary]) -> int:
    since = 0.0 if arguments.since is None else time.time() - arguments.since
    chosen = selected(summaries, since=since, release=arguments.release)
    if not chosen and arguments.fail_on:
        raise StoreError(f"no worker{_asked(arguments)} has said anything yet")
    fleet = fleet_of(chosen, time.time() - ALIVE_S)
    if arguments.new:
        fresh = tuple(new_since(selected(summaries, since=since), arguments.release))
        fleet = replace(fleet, routes=fresh, verdict=worst(row.verdict for row in fresh))
    unattributed = () if arguments.new else unattributed_in(chosen)
    location = store.status().location
    if arguments.json:
        about = {"unattributed": [to_dict(suspect) for suspect in unattributed]}
        said = fleet_dict(fleet, store=location, since=since, **about)
        print(json.dumps(said, ensure_ascii=False))
    elif not chosen:
        print(f"No worker{_asked(arguments)} has said anything yet in {location}.")
    else:
        print(FleetRenderer().render(fleet, unattributed))
    bad = VERDICTS[: VERDICTS.index(arguments.fail_on) + 1] if arguments.fail_on else ()
    return 1 if fleet.verdict in bad else 0


def _asked(arguments: argparse.Namespace) -> str:
    asked = "" if arguments.release is None else f" of release {arguments.release!r}"
    return asked + ("" if arguments.since is None else " within that time")


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip())
    if match is None or match[2] not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 30min, 24h or 7d")
    return float(match[1]) * _UNITS[match[2]]
