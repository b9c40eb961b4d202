"""The application under test: found by its name, told apart, never run."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from pympler.errors import ApplicationError, UsageError
from pympler.util.names import is_application_file, short_file

__all__ = ["application_kind", "describe_error", "load_application", "load_script"]

_Arguments = tuple[list[Any], dict[str, Any]]

_HOW = "names no application; write module:attribute, such as shop.wsgi:application or shop:make()"
_HOW_SCRIPT = "names no script; write module:function, such as checks:order"


def load_application(spec: str) -> Callable[..., Any]:
    """Import what ``module:attribute`` or ``module:factory()`` names.

    The working directory is put on the import path first, as a server does.

    Raises:
        UsageError: if nothing of that name is there.
        ApplicationError: if the application fails while it is imported or made.
    """
    found, arguments = _find(spec, _HOW)
    if arguments is not None:
        found = _make(spec, found, arguments)
    return _checked(spec, found, called=arguments is not None)


def load_script(spec: str) -> Callable[..., Any]:
    """Import the function that ``module:function`` names, to be called with a client.

    Raises:
        UsageError: if nothing of that name is there, or it cannot be called with one argument.
        ApplicationError: if its module fails while it is imported.
    """
    found, arguments = _find(spec, _HOW_SCRIPT)
    if arguments is not None or not callable(found) or not _accepts(found, 1):
        raise UsageError(f"{spec!r} is no function of one argument, which is a client")
    if inspect.iscoroutinefunction(found):
        raise UsageError(f"{spec!r} is asynchronous; write def, the client waits for answers")
    return found  # type: ignore[no-any-return]


def _find(spec: str, how: str) -> tuple[Any, _Arguments | None]:
    """What ``module:attribute`` names, and the arguments if it is to be called.

    Args:
        spec: what is named.
        how: says what it should have been, if it is nothing of the kind.
    """
    module_name, colon, expression = spec.partition(":")
    if not colon or not module_name or not expression:
        raise UsageError(f"{spec!r} {how}")
    names, arguments = _parse(spec, expression, how)
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    found: Any = _import(module_name, folder)
    for name in names:
        try:
            found = getattr(found, name)
        except AttributeError:
            raise UsageError(
                f"module {module_name!r} has no attribute {'.'.join(names)!r}{_applications(found)}"
            ) from None
    return found, arguments


def application_kind(application: Any) -> str | None:
    """``"wsgi"`` or ``"asgi"``, ``None`` for what is no application.

    An application that is a coroutine function, or has such a ``__call__``, speaks ASGI; otherwise
    the number of its positional parameters tells (WSGI has two, ASGI three).

    Example:
        >>> application_kind(lambda environ, start_response: [])
        'wsgi'
        >>> async def application(scope, receive, send): ...
        >>> application_kind(application)
        'asgi'
        >>> application_kind(42) is None
        True
    """
    if not callable(application):
        return None
    function = application
    while isinstance(function, functools.partial):
        function = function.func
    if any(map(_is_coroutine_function, (function, type(function).__call__))):
        return "asgi" if _accepts(application, 3) else None
    fits = [kind for kind, count in (("wsgi", 2), ("asgi", 3)) if _accepts(application, count)]
    if len(fits) == 2:  # *args: their names are all that is left to go by
        return "asgi" if "scope" in _parameters(application) else "wsgi"
    return fits[0] if fits else None


def describe_error(error: BaseException) -> str:
    """An exception of the application's in one line, with the place that raised it."""
    try:
        text = str(error).strip().partition("\n")[0]
    except Exception:  # noqa: BLE001 - the exception is the application's, and so is its __str__
        text = ""
    name = type(error).__name__
    place = ""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_application_file(frame.filename) and "pympler" not in frame.filename.split(os.sep):
            place = f" (at {short_file(frame.filename)}:{frame.lineno})"
            break
    return f"{name}: {text}{place}" if text else f"{name}{place}"


def _parse(spec: str, expression: str, how: str) -> tuple[list[str], _Arguments | None]:
    """The names of the attribute, and the arguments of the call if it is one."""
    arguments = None
    try:
        node: ast.expr = ast.parse(expression, mode="eval").body
        if isinstance(node, ast.Call):
            positional = [ast.literal_eval(value) for value in node.args]
            named = {str(item.arg): ast.literal_eval(item.value) for item in node.keywords}
            arguments, node = (positional, named), node.func
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            raise ValueError(expression)
    except (SyntaxError, ValueError):
        raise UsageError(f"{spec!r} {how}") from None
    return [node.id, *names], arguments


def _import(name: str, folder: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            hint = "; name a module, not a file" if name.endswith(".py") or "/" in name else ""
            raise UsageError(
                f"no module named {name!r} in {folder} or on the import path"
                f"{hint or _elsewhere(name, folder)}"
            ) from None
        raise ApplicationError(f"module {name!r} needs {error.name!r}: install it") from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except SystemExit as error:
        raise ApplicationError(
            f"module {name!r} ended the program while it was imported: {describe_error(error)}; "
            "guard what it runs with if __name__ == '__main__'"
        ) from error
    except BaseException as error:
        raise ApplicationError(
            f"module {name!r} cannot be imported: {describe_error(error)}"
        ) from error


def _elsewhere(name: str, folder: str) -> str:
    """A hint: a project of the src layout that is not installed."""
    top = os.path.join(folder, "src", name.partition(".")[0])
    if os.path.isdir(top) or os.path.isfile(f"{top}.py"):
        return "; it is in src: install the project (pip install -e .), or set PYTHONPATH=src"
    return ""


def _make(spec: str, factory: Any, arguments: _Arguments) -> Any:
    if not callable(factory):
        raise UsageError(
            f"{spec!r} calls what cannot be called ({type(factory).__name__}); leave the () away"
        )
    try:
        return factory(*arguments[0], **arguments[1])
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise ApplicationError(f"{spec!r} failed: {describe_error(error)}") from error


def _checked(spec: str, found: Any, *, called: bool) -> Callable[..., Any]:
    makes_it = not called and inspect.isroutine(found) and _needs_nothing(found)
    if not makes_it and application_kind(found) is not None:
        return found  # type: ignore[no-any-return]
    kind = f"neither a WSGI nor an ASGI application; its type is {type(found).__name__}"
    what = f"{spec!r} {'returned' if called else 'is'} {kind}"
    if makes_it:
        what = f"{spec!r} is a function that needs no argument; if it makes the application, add ()"
    elif not called and inspect.isclass(found) and _has_call(found):
        what = f"{spec!r} is a class; if what it makes is the application, add ()"
    elif not called and callable(found) and _accepts(found, 1):
        what = (
            f"{spec!r} takes one argument; if it makes the application, write it with that, such "
            f"as {spec}('test'); an application of ASGI 2 has to be wrapped for ASGI 3"
        )
    raise UsageError(what)


def _applications(module: Any) -> str:
    """A hint: the attributes of a module that are applications."""
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not inspect.isroutine(value)
        and not inspect.isclass(value)
        and application_kind(value) is not None
    ]
    return f"; did you mean {' or '.join(map(repr, names[:3]))}?" if names else ""


def _accepts(function: Any, count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # made in C, without a signature
        return count == 2
    except Exception:  # noqa: BLE001 - a proxy that leads nowhere yet, such as flask.request
        return False
    return True


def _has_call(kind: type) -> bool:
    return any("__call__" in vars(base) for base in kind.__mro__)


def _needs_nothing(function: Any) -> bool:
    """Whether a function can do without arguments; one that takes any number passes them on."""
    if not _accepts(function, 0):
        return False
    kinds = [one.kind for one in inspect.signature(function).parameters.values()]
    return inspect.Parameter.VAR_POSITIONAL not in kinds


def _is_coroutine_function(function: Any) -> bool:
    try:
        return inspect.iscoroutinefunction(function)
    except Exception:  # noqa: BLE001 - the same
        return False


def _parameters(function: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()
