"""What the workers of a simulated fleet say: a thousand of them, on fifty hosts, for a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from pympler.leaks.report import (
    Counters,
    LeakSummary,
    RequestReport,
    RouteSummary,
    Suspect,
    TypeCount,
)
from pympler.store import Moment

DAY_S = 86400.0
WORKERS, HOSTS, ROUTES = 1000, 50, 20
EVERY_S = 17.28  # between two reports of a worker: five million a day of all
LIVES = 4  # a worker is recycled so often in the time that is simulated
RELEASES = ("2026.10", "2026.11")  # the second from the middle on
LEAKING = 3  # of the routes, the last of them in the second release alone
_LEFT = tuple(TypeCount(f"shop.models.Kind{kind}", kind + 1, 400 * kind) for kind in range(6))


def route_name(number: int) -> str:
    return f"/shop/{number % ROUTES}/items/{{number}}"


@dataclass(frozen=True)
class Span:
    """The time that is simulated, in seconds since the epoch."""

    began: float
    ends: float

    def life(self, worker: int, at: float) -> tuple[str, str, int, float]:
        """Release, host, pid and start of the process that is this worker then."""
        number = min(int((at - self.began) / (self.ends - self.began) * LIVES), LIVES - 1)
        return _life(self, worker, number)


@lru_cache(maxsize=WORKERS * LIVES)
def _life(span: Span, worker: int, number: int) -> tuple[str, str, int, float]:
    started = span.began + number * (span.ends - span.began) / LIVES
    release = RELEASES[number >= LIVES // 2]
    return release, f"web-{worker % HOSTS}", 4000 + worker + 1000 * number, started


def report(number: int, worker: int, at: float, span: Span) -> RequestReport:
    """One report, with up to six types left behind."""
    release, host, pid, started = span.life(worker, at)
    return RequestReport(
        id=number,
        application="shop",
        release=release,
        pid=pid,
        route=route_name(number * 7 + worker),
        method="POST" if number % 5 == 0 else "GET",
        status=500 if number % 50 == 0 else 200,
        error=None,
        started_at=at,
        duration_s=(number * 7919 % 1000) / 1e4,
        attribution="exact",
        in_flight=1,
        survivors=_LEFT[: number % 7],
        rechecked="collected",
        unfollowed=0,
        own_cost_s=0.0002,
        host=host,
        worker_started_at=started,
    )


def summary(worker: int, at: float, span: Span) -> LeakSummary:
    """What a worker says of its twenty routes."""
    release, host, pid, started = span.life(worker, at)
    leaking = LEAKING if release == RELEASES[-1] else LEAKING - 1
    requests = int(at - started) + 1
    routes = tuple(_said_of(number, number < leaking, requests) for number in range(ROUTES))
    return LeakSummary(
        application="shop",
        release=release,
        pid=pid,
        started_at=started,
        requests=requests * ROUTES,
        windows=requests * 2,
        sample_rate=0.1,
        max_overhead=0.01,
        overhead=0.003,
        verdict="leak",
        routes=routes,
        counters=Counters(0.5, 90_000_000 + requests * 400, requests * 400, requests // 5),
        host=host,
        taken_at=at,
    )


@lru_cache(maxsize=ROUTES * 2)
def _said_of_one(number: int, leaks: bool) -> RouteSummary:
    name = f"GET {route_name(number)}"
    said = f"{name} leaks 1.2 KB and 2 objects per request, held by shop.CACHE_{number} (dict)"
    suspect = Suspect(f"shop.CACHE_{number}", "dict", 1.0, 1230.0, "shop/cart.py:41", "grew")
    return RouteSummary(
        route=route_name(number),
        method="GET",
        verdict="leak" if leaks else "clean",
        headline=said if leaks else f"{name} is clean: nothing left behind in 400 requests",
        requests=1,
        windows=1,
        exact_windows=1,
        objects_per_request=2.0 if leaks else 0.0,
        bytes_per_request=1230.0 if leaks else 0.0,
        survivors=_LEFT[:4] if leaks else (),
        suspects=(suspect,) if leaks else (),
    )


def _said_of(number: int, leaks: bool, requests: int) -> RouteSummary:
    said = _said_of_one(number, leaks)
    return replace(said, requests=requests, windows=requests // 10 + 1)


def moment(worker: int, at: float, span: Span) -> Moment:
    """A reading of a worker, which it takes every minute."""
    _, host, pid, started = span.life(worker, at)
    grown = int(at - started) * 400
    name = f"{host}.{pid}.{int(started * 1000)}"
    lengths = {f"shop.CACHE_{number}": int(at - started) for number in range(LEAKING)}
    return Moment(at, name, int(at - started), 90_000_000 + grown, 60_000_000 + grown, 0, lengths)


def told_by(workers: range, span: Span) -> Iterator[tuple[float, RequestReport | Moment]]:
    """What these workers say in the order of time: their reports, and a reading a minute each."""
    minute = dict.fromkeys(workers, -1)
    for step in range(int((span.ends - span.began) / EVERY_S)):
        for place, worker in enumerate(workers):
            at = span.began + (step + place / len(workers)) * EVERY_S
            yield at, report(step, worker, at, span)
            if int((at - span.began) // 60) > minute[worker]:
                minute[worker] = int((at - span.began) // 60)
                yield at, moment(worker, at, span)
