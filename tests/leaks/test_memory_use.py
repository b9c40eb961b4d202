"""How much the monitor itself holds."""

from __future__ import annotations

from tests.leaks.processes import run_alone


def test_the_monitor_holds_less_than_ten_megabytes() -> None:
    said = run_alone(
        """
        import gc, tracemalloc
        from pympler.leaks import LeakMonitor

        kept = {}

        class Order:
            def __init__(self):
                self.lines = [[number] for number in range(20)]

        def serve(monitor, number):
            request = monitor.begin()
            if number % 5 == 0:
                kept[number] = Order()
            request.finish(f"/{number % 500}", "GET", 200)

        tracemalloc.start()
        monitor = LeakMonitor(sample_rate=0.2, max_overhead=1.0, deep="never")
        monitor._worker._interval_s = 600.0  # no heap walks, during which there are no windows
        for number in range(10_000):
            serve(monitor, number)
        summary = monitor.summary()
        assert len(summary.routes) == 500
        assert summary.windows > 1500
        gc.collect()
        ours = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(True, "*/pympler/*")]
        )
        print(sum(trace.size for trace in ours.traces))
        monitor.close()
        """
    )

    assert int(said) < 10_000_000, said
