"""The demo: one small shop under three web frameworks, and what Pympler says of each route.

Run it with ``make demo``. It starts three servers on the loopback interface, sends each of them
two thousand requests, prints what their monitors found, and ends them again. It fails if a leak
was missed or a healthy route accused.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from applications import APPLICATIONS
from output import expected_of, paint, progress, show_summary
from servers import DemoError, Server
from traffic import REQUESTS, Client, send_requests

from pympler.leaks import LeakSummary, RequestReport
from pympler.render.text import TextRenderer

FOLDER = Path(__file__).resolve().parent
Results = list[tuple[LeakSummary, list[RequestReport]]]


def main() -> int:
    """Run the demo; returns the exit status."""
    if os.name != "posix":
        print("The demo needs Linux or macOS: gunicorn does not run elsewhere.", file=sys.stderr)
        return 2
    # Ended from outside, it must still end its servers: as an exception it passes every `with`.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    try:
        results = _run()
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted; the servers are stopped.", file=sys.stderr)
        return 130
    _show(results)
    return _conclude(results)


def _run() -> Results:
    print(paint("One small shop under three web frameworks", "bold"))
    print(
        "Each has one line of Pympler, two routes that leak memory, one that fills a\n"
        "cache with a bound, and two healthy ones. Pympler is not told which is which.\n"
    )
    with ExitStack() as stack:
        servers = [
            stack.enter_context(Server(each.name, each.command, FOLDER)) for each in APPLICATIONS
        ]
        clients = []
        for server in servers:
            server.wait_for_port()
            clients.append(stack.enter_context(closing(Client(server))))
        settings = [client.memory()[0] for client in clients]
        for application, server, summary in zip(APPLICATIONS, servers, settings, strict=True):
            print(
                f"  {application.name:<9} {application.server:<8} port {server.port}   "
                f"sample_rate={summary.sample_rate}  max_overhead={summary.max_overhead}"
            )
        print(f"\nSending {REQUESTS:,} requests to each of them")
        _send_all(clients)
        return [client.memory() for client in clients]


def _send_all(clients: Sequence[Client]) -> None:
    """Send the requests to all applications at the same time; the first error ends them all."""
    names = [f"{each.name:<9} {each.server:<8}" for each in APPLICATIONS]
    stopped = threading.Event()
    with progress(names, REQUESTS) as advance, ThreadPoolExecutor(len(clients)) as pool:
        futures = [
            pool.submit(send_requests, client, application, partial(advance, number), stopped)
            for number, (client, application) in enumerate(zip(clients, APPLICATIONS, strict=True))
        ]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            stopped.set()


def _show(results: Results) -> None:
    print(paint("\nWhat single requests left behind\n", "bold"))
    renderer = TextRenderer()
    for name, report in _samples(results):
        print(f"{name}, {renderer.render(report)}\n")
    print(paint("What that means for each route", "bold"))
    for application, (summary, _) in zip(APPLICATIONS, results, strict=True):
        show_summary(application, summary)


def _samples(results: Results) -> list[tuple[str, RequestReport]]:
    """A report of a leaking, a bounded and a clean route, each of another application.

    The last one that a garbage collection has confirmed: the survivors of the very last requests
    are not told from garbage yet.
    """
    samples = []
    wanted = ("leak", "bounded", "clean")
    for application, (summary, reports), verdict in zip(APPLICATIONS, results, wanted, strict=True):
        expected = {
            (row.method, row.route)
            for row in summary.routes
            if (route := expected_of(application, row)) is not None and route.expected == verdict
        }
        fitting = [
            (application.name, report)
            for report in reports
            if (report.method, report.route) in expected
            and (report.rechecked == "collected" or not report.survivors)
            and bool(report.survivors) == (verdict != "clean")
        ]
        samples += fitting[-1:]
    return samples


def _conclude(results: Results) -> int:
    """Compare with what is built into the applications; returns the exit status."""
    faults, found, accused = [], 0, 0
    for application, (summary, _) in zip(APPLICATIONS, results, strict=True):
        verdicts = {expected_of(application, row): row.verdict for row in summary.routes}
        for route in application.routes:
            verdict, name = verdicts.get(route), f"{application.name}: {route.method} {route.path}"
            if route.expected == "leak":
                found += verdict == "leak"
                if verdict != "leak":
                    faults.append(f"{name} leaks, but its verdict is {verdict or 'unknown'}.")
            elif verdict in ("leak", "native"):
                accused += 1
                faults.append(f"{name} is {route.expected}, but its verdict is {verdict}.")
    print(
        paint(
            f"\n{found} of 6 leaks found, {accused or 'none'} of 9 healthy routes accused.", "bold"
        )
    )
    for fault in faults:
        print(paint(f"Wrong: {fault}", "red"))
    return 1 if faults else 0


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
