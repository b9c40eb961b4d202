"""``pympler check``: send an application requests and say which of them leak."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pympler.cli.check_options import add_options, requests_of
from pympler.cli.check_text import print_route, progress_line
from pympler.cli.isolated import check_isolated
from pympler.cli.streams import no_input, no_sudden_end, stdout_to_stderr
from pympler.errors import ApplicationError, UsageError
from pympler.leaks.check import (
    CheckResult,
    Limits,
    Template,
    check,
    load_application,
    load_script,
)
from pympler.leaks.check.baseline import Baseline, read_baseline
from pympler.leaks.check.drive import alarm
from pympler.leaks.guard import guard
from pympler.leaks.lifecycle import monitors
from pympler.leaks.plain import to_dict

__all__ = ["add_parser", "print_json_error", "run", "wants_json"]

_IMPORT_S = 60.0
_DESCRIPTION = """\
Imports an application, sends each path up to two thousand requests in this process, and says
which of them leave something behind, how much, who holds it and which line stored it.
"""
_EPILOG = """\
exit status: 0 nothing leaks, 1 a leak or native growth (see --fail-on), 2 a wrong argument or an
application that fails: an exception, or a status of 300 or more that was not expected with
--expect.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "check",
        help="find the requests of a WSGI or ASGI application that leak",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check an application as the command line says; returns the exit code."""
    # An application that is watched by our own middleware is checked without it.
    before = os.environ.get("PYMPLER_DISABLE")
    os.environ["PYMPLER_DISABLE"] = "1"
    try:
        return _run(arguments)
    finally:
        if before is None:
            del os.environ["PYMPLER_DISABLE"]
        else:
            os.environ["PYMPLER_DISABLE"] = before


def _run(arguments: argparse.Namespace) -> int:
    baseline, templates = Baseline(), []
    try:
        templates = requests_of(arguments.parts)
        if not templates and not arguments.script:
            raise UsageError("the following arguments are required: --path, --request or --script")
        if arguments.html is not None:
            _open_page(arguments.html)
        if arguments.baseline is not None:
            baseline = read_baseline(arguments.baseline)
        with progress_line() as progress:
            result = _checked(arguments, templates, progress)
    except UsageError as error:
        result = CheckResult(error=str(error))
    if arguments.whole_result:
        print(json.dumps(to_dict(result)), flush=True)
        return result.exit_code
    _say(arguments, result, templates, baseline)
    if arguments.html is not None:
        _write_page(arguments.html, result, arguments.application)
    return _exit_code(result, baseline, arguments.fail_on)


def _open_page(path: str) -> None:
    """See that the page can be written, before the minutes that a check takes."""
    try:
        import pympler.render.pages  # noqa: F401
    except ImportError as error:
        raise UsageError(f"--html: {error}") from error
    try:
        with open(path, "a", encoding="utf-8"):
            pass
    except OSError as error:
        raise UsageError(f"--html: {path} cannot be written: {error.strerror}") from error


def _write_page(path: str, result: CheckResult, application: str) -> None:
    # What is missing was said before the check, which then did not take place.
    with contextlib.suppress(ImportError, OSError):
        from pympler.render.pages import render_check

        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(render_check(result, application))


def wants_json(argv: Sequence[str]) -> bool:
    """Whether these arguments, which could not be understood, ask for JSON."""
    return "check" in argv and "--json" in argv


def print_json_error(error: str) -> None:
    """Print the JSON object of a check that did not take place."""
    print(json.dumps(CheckResult(error=error).to_dict()), flush=True)


def _checked(
    arguments: argparse.Namespace, templates: list[Template], progress: Callable[[str], None]
) -> CheckResult:
    if arguments.isolate:
        return check_isolated(list(_routes(arguments)), _common(arguments), progress)
    kept = os.dup(1)

    def last_words(text: str) -> None:
        said = (
            {"ended": text}
            if arguments.whole_result
            else CheckResult(error=f"the application {text}").to_dict()
        )
        if arguments.json or arguments.whole_result:
            os.write(kept, f"{json.dumps(said)}\n".encode())
        if not arguments.whole_result:
            os.write(2, f"pympler check: error: the application {text}\n".encode())

    try:
        with stdout_to_stderr(), no_input(), no_sudden_end(last_words):
            return _check_here(arguments, templates, progress)
    finally:
        os.close(kept)


def _check_here(
    arguments: argparse.Namespace, templates: list[Template], progress: Callable[[str], None]
) -> CheckResult:
    limits = Limits(longest_s=arguments.max_seconds).scaled(arguments.requests)
    try:
        progress(f"importing {arguments.application}")
        with alarm(max(_IMPORT_S, arguments.timeout)):
            application = load_application(arguments.application)
            scripts = [load_script(spec) for spec in arguments.script]
        _close_monitors()
        return check(
            application,
            templates,
            scripts=scripts,
            rounds=arguments.rounds,
            warm_up=arguments.warmup,
            expect=arguments.expect,
            timeout_s=arguments.timeout,
            limits=limits,
            progress=progress,
        )
    except (UsageError, ApplicationError) as error:
        return CheckResult(error=str(error))


def _close_monitors() -> None:
    """Let those rest that were made before the check began, as by ``flask`` and ``manage.py``."""
    for monitor in list(monitors):
        with guard("close a monitor before a check"):
            monitor.close()


def _say(
    arguments: argparse.Namespace,
    result: CheckResult,
    templates: list[Template],
    baseline: Baseline,
) -> None:
    varied = {(one.method, one.path): one.varies for one in templates}
    if arguments.json:
        print(json.dumps(result.to_dict()), flush=True)
    else:
        for route in result.routes:
            if route.error is None:
                print_route(
                    route,
                    varied=varied.get((route.method, route.route), True),
                    known=route.is_bad(arguments.fail_on) and baseline.knows(route),
                )
        sys.stdout.flush()
    for error in _errors(result):
        print(f"pympler check: error: {error}", file=sys.stderr)


def _errors(result: CheckResult) -> list[str]:
    errors = [] if result.error is None else [result.error]
    return errors + [route.error for route in result.routes if route.error is not None]


def _exit_code(result: CheckResult, baseline: Baseline, fail_on: str) -> int:
    if result.exit_code == 2:
        return 2
    return int(any(one.is_bad(fail_on) and not baseline.knows(one) for one in result.routes))


def _routes(arguments: argparse.Namespace) -> Iterator[tuple[str, str, list[str]]]:
    """Each route with the arguments that name it."""
    common: list[str] = []
    groups: list[list[str]] = []
    for option, text in arguments.parts:
        if option in ("path", "request"):
            groups.append([])
        (groups[-1] if groups else common).append(f"--{option}={text}")
    for template, given in zip(requests_of(arguments.parts), groups, strict=True):
        yield template.method, template.path, [*common, *given]
    for script in arguments.script:
        yield "", script, [f"--script={script}"]


def _common(arguments: argparse.Namespace) -> list[str]:
    return [
        arguments.application,
        f"--warmup={arguments.warmup}",
        f"--rounds={arguments.rounds}",
        f"--requests={arguments.requests}",
        f"--max-seconds={arguments.max_seconds}",
        f"--timeout={arguments.timeout}",
        *(f"--expect={status}" for status in arguments.expect),
    ]
