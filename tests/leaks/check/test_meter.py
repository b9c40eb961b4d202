"""What windows of requests add, and when that counts as growth."""

from __future__ import annotations

from dataclasses import replace

from pympler.leaks.check.meter import Meter, Window, least, middle, total
from pympler.leaks.check.persist import lasts, persists


def test_one_window_that_lets_go_does_not_hide_growth() -> None:
    # A text that grows by 330 bytes per request; in one round of 20 a buffer of 8 KB was freed.
    grows = Window(malloc_bytes=330.0, blocks=0.1)
    windows = [grows, replace(grows, malloc_bytes=330.0 - 8192 / 20), grows]
    assert not persists(least(*windows))
    assert persists(middle(*windows))


def test_one_window_that_takes_does_not_make_growth() -> None:
    still = Window(blocks=0.05)
    windows = [still, Window(blocks=5.0, objects=4.0, malloc_bytes=900.0), still]
    assert not persists(middle(*windows))


def test_a_buffer_that_is_emptied_between_windows_does_not_last() -> None:
    buffer: list[list[str]] = []

    def send(requests: int) -> None:
        for _ in range(requests):
            buffer.append([str(len(buffer))])
            if len(buffer) >= 700:
                buffer.clear()

    meter = Meter(send, lambda: None)
    windows = []
    for _ in range(3):
        windows.append(meter.window(100))
        send(650)
    whole = meter.whole()
    windows.append(meter.window(50))
    assert least(*windows).objects > 0.9
    assert not lasts(least(*windows), total(whole, [(windows[-1], 50)], 3 * 750 + 50))
