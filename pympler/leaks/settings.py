"""The settings of the leak monitor: one frozen value, the same names in every framework."""

from __future__ import annotations

import dataclasses
import difflib
import logging
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from pympler.errors import SettingsError
from pympler.util.storeurl import parse_store_url, without_password

__all__ = ["DUTY_CYCLE", "OWN_PREFIX", "OWN_ROUTE", "QUERY", "Settings", "resolve"]

DUTY_CYCLE = 0.1
"""Share of the requests that get a window unless ``sample_rate`` says otherwise."""

OWN_PREFIX = "/_pympler"
"""Where the pages are, unless somebody mounts them elsewhere; requests to them are not watched."""

OWN_ROUTE = "<pympler>"
"""Route of the requests to Pympler's own pages, which are not reported."""

QUERY = "pympler"
"""Name in the query of a request that asks for a snapshot of the heap around it."""

_ENVIRONMENT = {
    "PYMPLER_STORE": "store",
    "PYMPLER_RELEASE": "release",
    "PYMPLER_APPLICATION": "application",
    "PYMPLER_TOKEN": "token",
}
_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the monitor does, and how much of it.

    Attributes:
        enabled: ``False`` (or ``PYMPLER_DISABLE=1`` in the environment) turns everything off.
        sample_rate: share of the requests that are watched in a window, 0.0 to 1.0. The default
            is the duty cycle for which the garbage collector of the application was shown to
            stay as it is; 1.0 is for development.
        deep: when a request may be traced for the line that stores what is left behind:
            ``"evidence"`` (once a suspect is confirmed), ``"never"``, or a share of the
            requests once there is a suspect, 0.0 to 1.0.
        track_classes: dotted paths of classes whose instances are followed: which request made
            them, where, and which of them stay.
        ignore_routes: route templates (shell patterns) that are not reported.
        max_overhead: bound on the monitor's own CPU time over wall time, averaged over ten
            minutes. Heap walks start only when their estimated cost has been saved up.
        application: name of the application in reports; the front end supplies a default.
        store: where reports are kept: ``"memory:"``, ``"sqlite:///relative.db"``,
            ``"sqlite:////absolute.db"`` or ``"postgresql://..."``; by default a SQLite file of the
            application in the user's state directory.
        keep: number of request reports kept in the store; by default as many as are usual for
            its kind.
        release: release of the application, copied into reports.
        log_level: level of the line logged per windowed request on the logger ``pympler``.
        pages: whether the pages are shown; ``None`` leaves it to the framework's debug mode.
        allowed_hosts: host names under which the pages answer, besides the local ones.
        token: lets those see the pages who are not on this machine; empty for nobody.
        access: called with the framework's request, lets it see the pages by returning ``True``;
            or the dotted path of such a callable.
        on_leak: called once for each route whose leak has been confirmed, with its
            :class:`~pympler.leaks.report.RouteSummary`, after a request and outside any lock; or
            the dotted path of such a callable, which is imported then.

    Raises:
        SettingsError: for a value that is out of range or belongs to a feature not built yet.

    Example:
        >>> Settings.from_mapping({"sample_rate": 0.5}, environ={}).sample_rate
        0.5
    """

    enabled: bool = True
    sample_rate: float = DUTY_CYCLE
    deep: str | float = "evidence"
    track_classes: tuple[str, ...] = ()
    ignore_routes: tuple[str, ...] = ()
    max_overhead: float = 0.01
    application: str = ""
    store: str = ""
    keep: int | None = None
    release: str = ""
    log_level: str = "INFO"
    pages: bool | None = None
    allowed_hosts: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    access: Callable[[Any], object] | str | None = None
    on_leak: Callable[[Any], object] | str | None = None

    def __post_init__(self) -> None:
        _check_bool("enabled", self.enabled)
        _check_share("sample_rate", self.sample_rate)
        _check_share("max_overhead", self.max_overhead)
        if isinstance(self.deep, str):
            if self.deep not in ("evidence", "never"):
                raise SettingsError(
                    f"setting 'deep' is {self.deep!r}; "
                    "use 'evidence', 'never' or a share from 0.0 to 1.0"
                )
        else:
            _check_share("deep", self.deep)
        _check_classes(self.track_classes)
        _check_patterns(self.ignore_routes)
        _check_keep(self.keep)
        for name in ("application", "store", "release", "log_level"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise SettingsError(f"setting {name!r} is {value!r}; use a string")
        _check_store(self.store)
        _check_pages(self)
        _check_callable("on_leak", self.on_leak, "the summary of a route")
        if not isinstance(logging.getLevelName(self.log_level.upper()), int):
            raise SettingsError(
                f"setting 'log_level' is {self.log_level!r}; "
                "use DEBUG, INFO, WARNING, ERROR or CRITICAL"
            )

    @classmethod
    def from_mapping(
        cls,
        values: Mapping[str, object],
        *,
        application: str = "",
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """Settings from a framework's configuration and the environment.

        The environment (``PYMPLER_DISABLE``, ``PYMPLER_STORE``, ``PYMPLER_RELEASE``,
        ``PYMPLER_APPLICATION``) fills what the mapping leaves out; ``PYMPLER_DISABLE=1`` wins
        over it.

        Args:
            values: setting names (as in :class:`Settings`) and their values.
            application: name to use when neither the mapping nor the environment gives one.
            environ: the environment, ``os.environ`` by default.

        Raises:
            SettingsError: for an unknown name, which names the closest one, or a bad value.
        """
        environ = os.environ if environ is None else environ
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            _check_name(name, known)
        merged: dict[str, object] = {"application": application or _working_directory_name()}
        merged.update(
            {name: environ[key] for key, name in _ENVIRONMENT.items() if environ.get(key)}
        )
        merged.update(values)
        if environ.get("PYMPLER_DISABLE", "").strip().lower() in _TRUE:
            merged["enabled"] = False
        for name in ("ignore_routes", "track_classes", "allowed_hosts"):
            given = merged.get(name)
            if isinstance(given, (list, set, frozenset)):
                merged[name] = tuple(given)
        return cls(**merged)  # type: ignore[arg-type]

    @property
    def log_level_number(self) -> int:
        """The ``logging`` number of ``log_level``."""
        return int(logging.getLevelName(self.log_level.upper()))

    def ignores(self, route: str) -> bool:
        """Whether reports of this route template are to be dropped."""
        patterns = self.ignore_routes
        if route == OWN_ROUTE:
            return True
        return bool(patterns) and any(fnmatchcase(route, pattern) for pattern in patterns)


def _working_directory_name() -> str:
    try:
        return os.path.basename(os.getcwd()) or "application"
    except OSError:
        return "application"


def _check_name(name: str, known: set[str]) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(str(name).lower(), sorted(known), n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known settings: {', '.join(sorted(known))}"
    raise SettingsError(f"unknown setting {name!r}; {hint}")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise SettingsError(f"setting {name!r} is {value!r}; use True or False")


def _check_share(name: str, value: object) -> None:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or not 0.0 <= value <= 1.0
    ):
        raise SettingsError(f"setting {name!r} is {value!r}; use a number from 0.0 to 1.0")


def _check_classes(paths: object) -> None:
    what = "use a list of dotted paths, such as ['shop.models.Order']"
    if not isinstance(paths, tuple):
        raise SettingsError(f"setting 'track_classes' is {paths!r}; {what}")
    for path in paths:
        parts = path.split(".") if isinstance(path, str) else []
        if len(parts) < 2 or not all(part.isidentifier() for part in parts):
            raise SettingsError(
                f"setting 'track_classes' is {list(paths)!r}, with {path!r}; {what}"
            )
    if len(set(paths)) < len(paths):
        raise SettingsError(f"setting 'track_classes' is {list(paths)!r}; name each class once")


def _check_patterns(patterns: object) -> None:
    if not isinstance(patterns, tuple) or not all(isinstance(p, str) for p in patterns):
        raise SettingsError(
            f"setting 'ignore_routes' is {patterns!r}; use a list of route templates, "
            "such as ['/health', '/static/*']"
        )


def _check_pages(settings: Settings) -> None:
    if settings.pages is not None:
        _check_bool("pages", settings.pages)
    hosts = settings.allowed_hosts
    if not isinstance(hosts, tuple) or not all(isinstance(name, str) for name in hosts):
        raise SettingsError(
            f"setting 'allowed_hosts' is {hosts!r}; use a list of host names, "
            "such as ['shop.example']"
        )
    if "*" in hosts:
        raise SettingsError(
            "setting 'allowed_hosts' has '*', which would open the pages to any site that a "
            "visitor of them has open; name the hosts"
        )
    if not isinstance(settings.token, str) or not settings.token.isprintable():
        raise SettingsError("setting 'token' is no text; use a long random string")
    _check_callable("access", settings.access, "a request")


def _check_callable(name: str, value: object, takes: str) -> None:
    if not (value is None or callable(value) or (isinstance(value, str) and "." in value)):
        raise SettingsError(
            f"setting {name!r} is {value!r}; use a callable that takes {takes}, or its dotted path"
        )


def resolve(name: str, value: Callable[[Any], object] | str) -> Callable[[Any], object]:
    """The callable that a setting names, imported if it is a dotted path.

    Raises:
        SettingsError: if there is none at this path.
    """
    if not isinstance(value, str):
        return value
    module, _, attribute = value.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"setting {name!r} is {value!r}, which cannot be imported") from error
    if not callable(found):
        raise SettingsError(f"setting {name!r} is {value!r}, which cannot be called")
    return found  # type: ignore[no-any-return]


def _check_keep(keep: object) -> None:
    if keep is None:
        return
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise SettingsError(f"setting 'keep' is {keep!r}; use a whole number from 1")


def _check_store(store: str) -> None:
    try:
        if store:
            parse_store_url(store)
    except ValueError as error:
        shown = without_password(store)
        raise SettingsError(f"setting 'store' is {shown!r}; {error}") from error
