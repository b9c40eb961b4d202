"""Why there are no pages, for the log alone: a visitor is told nothing.

Apart from the rules of access, so that nothing of the pages is loaded where they are off.
"""

from __future__ import annotations

import logging

from pympler.leaks.settings import Settings

__all__ = ["say_that_pages_are_off"]

logger = logging.getLogger("pympler")

_said: set[str] = set()


def say_that_pages_are_off(settings: Settings) -> None:
    """Log, once in a process, that somebody asked for pages that are off, and what turns them on.

    Called when the answer is a 404 because of the settings, whoever asks.
    """
    if not settings.enabled:
        reason = "Pympler is disabled, by the setting 'enabled' or PYMPLER_DISABLE"
    elif settings.pages is None:
        reason = "the framework is not in debug mode; the setting 'pages' turns them on"
    else:
        reason = "the setting 'pages' turns them off"
    if reason not in _said:
        _said.add(reason)
        logger.warning("the pages were asked for and are off: %s", reason)
