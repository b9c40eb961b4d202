"""Why an object is alive: one line for every kind of root, and for objects without one."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import gc
import queue
import signal
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pympler.graph import why_alive

HERE = __name__
UNSEEN = "(held by a running expression, an exit handler or a C extension)"
VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("current_user")
LOCAL = threading.local()
HOLDER: Any = None


class Target:
    """What is asked for."""

    other: Any = None

    def close(self, *_: object) -> None:
        """Something to register."""


def forbidden(*_: object) -> Any:
    raise AssertionError("code of the application was run")


class HostileMeta(type):
    __eq__ = __hash__ = __getattr__ = __len__ = __bool__ = __iter__ = forbidden
    __instancecheck__ = __subclasscheck__ = forbidden


class Hostile(metaclass=HostileMeta):
    __eq__ = __hash__ = __repr__ = __len__ = __bool__ = __iter__ = forbidden
    __getattr__ = __sizeof__ = __dir__ = __str__ = __index__ = forbidden

    __class__ = property(forbidden)


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    gc.disable()  # garbage is to wait for its test
    yield
    gc.enable()
    globals()["HOLDER"] = None
    vars(LOCAL).clear()
    gc.collect()


def hold(holder: Any) -> None:
    globals()["HOLDER"] = holder


def here(function: Callable[..., Any]) -> str:
    return f"{function.__name__} at {__file__.rpartition('tests')[1]}"


# What the caller's own variables say.


def test_a_local_of_the_caller_is_the_last_resort() -> None:
    target = Target()
    again = target

    text = why_alive(target)

    assert text.startswith(
        "local target of frame test_a_local_of_the_caller_is_the_last_resort at "
    )
    assert text.endswith(f":{line_of(text)}")
    hold([again])
    assert why_alive(target) == f"{HERE}.HOLDER[0]"


def line_of(text: str) -> int:
    return int(text.rpartition(":")[2])


def test_the_line_is_that_of_the_call() -> None:
    target = Target()

    text = why_alive(target)

    frame = sys._getframe()
    assert line_of(text) == frame.f_lineno - 3


def test_a_variable_that_a_closure_uses() -> None:
    target = Target()

    def inner() -> Target:
        return target

    assert ", local inner.<closure>.target" in why_alive(target)
    assert inner() is target


def test_something_in_a_local_of_the_caller_is_a_holder() -> None:
    targets = [Target()]

    text = why_alive(targets[0])

    assert text.startswith("frame test_something_in_a_local_of_the_caller_is_a_holder at ")
    assert text.endswith(", local targets[0]")


def test_a_function_that_passes_the_object_on() -> None:
    def explain(target: object) -> str:
        return why_alive(target)

    owner = Target()

    text = explain(owner)

    assert text.startswith("frame test_a_function_that_passes_the_object_on at ")
    assert text.endswith(", local owner")


def test_names_of_executed_code_hold_like_those_of_a_module() -> None:
    namespace: dict[str, Any] = {"Target": Target, "why_alive": why_alive}

    exec("target = Target()\ntext = why_alive(target)", namespace)

    assert namespace["text"] == "frame <module> at <string>:2, global target"


# Roots.


def test_a_class_attribute_and_a_default_argument_of_a_local() -> None:
    class Shop:
        kept = Target()

    def order(item: Any = Shop.kept, *, other: Any = Target()) -> None:  # noqa: B008
        """Holds two objects."""

    assert why_alive(Shop.kept).endswith(", local Shop.kept")
    assert why_alive((order.__kwdefaults__ or {})["other"]).endswith(
        ", local order.__kwdefaults__['other']"
    )


def test_threads() -> None:
    ready, end = threading.Event(), threading.Event()
    made: list[weakref.ref[Any]] = []

    def work(given: Target) -> None:
        order, LOCAL.session = Target(), Target()
        VARIABLE.set(Target())
        kept = [order, LOCAL.session, VARIABLE.get()]
        made.extend(map(weakref.ref, kept))
        del kept
        ready.set()
        end.wait()

    thread = threading.Thread(target=work, args=[Target()], name="worker")
    thread.start()
    try:
        ready.wait()
        texts = [why_alive(item()) for item in made]
        given = why_alive(thread._args[0], paths=2)  # type: ignore[attr-defined]
    finally:
        end.set()
        thread.join()

    assert texts[0].startswith("frame work at ")
    assert texts[0].endswith(" in thread 'worker', local order")
    assert texts[1] == f"{HERE}.LOCAL.session"
    assert texts[2] == "context of a thread, context variable current_user"
    assert given.splitlines()[0] == "thread 'worker'._args[0]"
    assert given.splitlines()[1].endswith("in thread 'worker', local given")


def test_a_thread_without_a_name_of_its_own() -> None:
    end = threading.Event()

    def work(_: Target) -> None:
        end.wait()

    thread = threading.Thread(target=work, args=[Target()])
    thread.start()
    text = why_alive(thread._args[0])  # type: ignore[attr-defined]
    end.set()
    thread.join()

    assert text == "thread (work)._args[0]"


def test_a_value_in_a_dictionary_of_a_thread_local() -> None:
    LOCAL.cache = {"rows": [Target()]}

    assert why_alive(LOCAL.cache["rows"][0]) == f"{HERE}.LOCAL.cache['rows'][0]"
    assert why_alive(LOCAL.cache) == f"{HERE}.LOCAL.cache"


def test_a_timer_of_a_thread() -> None:
    timer = threading.Timer(60, Target().close, [Target()])
    timer.start()
    argument = list(timer.args)[0]  # noqa: RUF015
    try:
        del timer
        text = why_alive(argument)
    finally:
        next(item for item in threading.enumerate() if type(item) is threading.Timer).cancel()

    assert text == f"threading.Timer ({HERE}.Target.close).args[0]"


def test_tasks_and_timers_of_an_event_loop() -> None:
    texts: list[str] = []
    made: list[weakref.ref[Any]] = []

    async def inner() -> None:
        order = Target()
        made.append(weakref.ref(order))
        del order
        item = Target()
        VARIABLE.set(Target())
        made.extend([weakref.ref(item), weakref.ref(VARIABLE.get())])
        await asyncio.sleep(60)

    async def outer() -> None:
        await inner()

    async def ask() -> None:
        tasks = [asyncio.create_task(outer()), asyncio.create_task(outer(), name="mailer")]
        known = weakref.WeakSet(tasks)
        del tasks
        await asyncio.sleep(0)
        for item in made:
            texts.append(why_alive(item()))
        handle = asyncio.get_running_loop().call_later(60, Target().close, Target())
        argument = weakref.ref(handle._args[0])
        del handle
        texts.append(why_alive(argument()))
        texts.append(why_alive(next(iter(known))))
        for task in list(known):
            task.cancel()

    asyncio.run(ask())

    assert texts[0] == texts[3] == NOTHING
    assert texts[1].startswith("task, coroutine outer at ")
    assert ", coroutine inner at " in texts[1]
    assert texts[1].endswith(", local item")
    assert texts[4].startswith("task 'mailer', coroutine outer at ")
    assert texts[2] == "context of an asyncio callback, context variable current_user"
    assert texts[6] == f"call_later ({HERE}.Target.close)._args[0]"
    assert texts[7].endswith(".<_asyncio.Task>")


NOTHING = "None lives as long as the interpreter"


def test_what_a_task_that_has_ended_holds_is_named_by_its_holder() -> None:
    async def work() -> list[Target]:
        return [Target()]

    async def ask() -> str:
        done = asyncio.create_task(work())
        result = (await done)[0]
        await asyncio.sleep(0)
        return why_alive(result)

    text = asyncio.run(ask())

    assert text.startswith(("frame ask at ", "task, coroutine ask at "))
    assert ", local done." in text


def test_a_local_of_the_coroutine_that_asks() -> None:
    async def ask() -> str:
        target = Target()
        await asyncio.sleep(0)
        return why_alive(target)

    def generate() -> Iterator[str]:
        target = Target()
        yield why_alive(target)

    assert asyncio.run(ask()).startswith("local target of frame ask at ")
    assert next(generate()).startswith("local target of frame generate at ")


def test_a_task_that_nobody_holds_is_garbage() -> None:
    async def wait_for_itself(made: list[weakref.ref[Any]]) -> None:
        order, future = Target(), asyncio.get_running_loop().create_future()
        made.append(weakref.ref(order))
        await future

    async def ask() -> str:
        made: list[weakref.ref[Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        task = loop.create_task(wait_for_itself(made))
        del task
        await asyncio.sleep(0)
        text = why_alive(made[0]())
        gc.collect()
        return text

    text = asyncio.run(ask())

    assert text.startswith("only cyclic garbage refers to it: ")


def test_a_signal_handler() -> None:
    target = Target()
    before = signal.signal(signal.SIGTERM, target.close)
    try:
        text = why_alive(target)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert text == "handler of SIGTERM.__self__"


def test_exit_handlers_are_held_out_of_sight() -> None:
    first, second = Target(), Target()
    atexit.register(first.close)
    atexit.register(print, second)
    try:
        texts = [why_alive(first), why_alive(second)]
    finally:
        atexit.unregister(first.close)
        atexit.unregister(print)

    assert texts == [f"method.__self__ {UNSEEN}", f"tuple {UNSEEN}"]


def test_an_exception_that_is_being_handled() -> None:
    try:
        raise LookupError(Target())
    except LookupError:
        text = why_alive(sys.exc_info()[1].args[0])  # type: ignore[union-attr]

    assert text == "the LookupError that is being handled.args[0]"


def test_the_locals_of_a_function_that_failed() -> None:
    made: list[weakref.ref[Any]] = []

    def fail() -> None:
        order = Target()
        made.append(weakref.ref(order))
        raise LookupError

    try:
        fail()
    except LookupError as error:
        hold(error)

    assert why_alive(made[0]()) == f"{HERE}.HOLDER.__traceback__.tb_next.tb_frame, local order"


def test_what_a_for_statement_goes_through() -> None:
    def numbers() -> Iterator[Target]:
        number = Target()
        yield number

    for item in [Target() for _ in range(2)]:
        assert why_alive(item).startswith("list_iterator.<list>[")
        assert why_alive(item).endswith(UNSEEN)
    for item in numbers():
        text = why_alive(item)
    assert text.startswith("generator numbers at ")
    assert text.endswith(f", local number {UNSEEN}")


def test_modules_and_frames() -> None:
    assert why_alive(sys) == "sys.modules['sys']"
    assert why_alive(sys.modules) == "sys.modules"
    assert why_alive(vars(gc)) == "sys.modules['gc'].__dict__"
    assert why_alive(sys._getframe()).endswith(" is running")


@pytest.mark.parametrize("item", [None, True, ..., 7, (), "", b"", NotImplemented])
def test_what_the_interpreter_keeps(item: object) -> None:
    assert why_alive(item) == f"{item!r} lives as long as the interpreter"


def test_types_of_the_interpreter() -> None:
    assert why_alive(int) == "builtins.int"
    assert why_alive(len) == "builtins.len"
    assert why_alive(type(map(len, ""))) == "builtins.map"
    assert why_alive(type(sys.flags)).startswith("sys.")


def test_text_that_no_collector_tracks() -> None:
    word = "".join(["wo", "rd"])
    hold({"words": [word]})

    assert why_alive(word) == f"{HERE}.HOLDER['words'][0]"
    hold(None)
    assert why_alive(word).startswith("local word of frame ")


def test_a_constant_in_the_code_of_a_function() -> None:
    code = compile("(11, 22, 'thirty-three')", "nowhere", "eval")
    hold(code)
    text = why_alive(next(item for item in code.co_consts if type(item) is tuple))

    assert text == "no root found: it may be a constant in the code of a function"


# Without a root.


def test_cyclic_garbage() -> None:
    first, second = Target(), Target()
    first.other, second.other = second, first
    lonely = Target()
    lonely.other = lonely
    holder: dict[str, Any] = {"lonely": Target(), "itself": None}
    holder["itself"] = holder
    items = [weakref.ref(item) for item in (first, lonely, holder["lonely"])]
    del first, second, lonely, holder

    texts = [why_alive(item()) for item in items]

    kind = f"{HERE}.Target" if sys.version_info >= (3, 11) else "dict"
    assert texts[0] == texts[1] == f"only cyclic garbage refers to it: {kind}"
    assert texts[2] == "only cyclic garbage refers to it: dict"
    gc.collect()
    assert [item() for item in items] == [None, None, None]


def test_nothing_refers_to_it() -> None:
    text = why_alive(Target())

    assert text.startswith("no root found and no referrer: only this call, ")


def test_held_by_an_object_of_c_code_that_shows_nothing() -> None:
    # A queue that no longer has a name: only the evaluation stack of this function holds it.
    pending: Any = queue.SimpleQueue()
    pending.put([Target()])
    item = weakref.ref(pending.get()[0])

    assert item() is None
    assert why_alive(pending).startswith("local pending of frame ")


def test_held_by_pympler_alone() -> None:
    from pympler.leaks.survivors import Followers

    ours: Followers[Any] = Followers()
    ours._waiting.append([Target()])  # type: ignore[arg-type]
    item = weakref.ref(ours._waiting[0][0])  # type: ignore[index]

    assert why_alive(item()) == "only Pympler holds it: a pympler.leaks.survivors.Followers"


def test_objects_of_our_own_are_explained() -> None:
    from pympler.leaks.survivors import Followers

    hold(Followers())

    assert why_alive(HOLDER) == f"{HERE}.HOLDER"
    assert why_alive(why_alive).endswith(".why_alive")


# Several paths.


def test_several_paths() -> None:
    target = Target()
    hold({"a": [target], "b": (target,), "c": {"d": [[target]]}})

    lines = why_alive(target, paths=3).splitlines()

    assert lines[:2] == [f"{HERE}.HOLDER['a'][0]", f"{HERE}.HOLDER['b'][0]"]
    assert lines[2] == f"{HERE}.HOLDER['c']['d'][0][0]"
    assert why_alive(target, paths=20).splitlines()[:3] == lines
    assert why_alive(target) == lines[0]


def test_too_few_paths() -> None:
    with pytest.raises(ValueError, match="paths must be at least 1, not 0"):
        why_alive(object(), paths=0)


# Good manners.


def test_no_code_of_the_application_is_run() -> None:
    hostile, target = Hostile(), Target()
    hold([hostile, {"a": (hostile, target)}])

    assert why_alive(hostile) == f"{HERE}.HOLDER[0]"
    assert why_alive(target) == f"{HERE}.HOLDER[1]['a'][1]"
    hold(None)
    assert why_alive(hostile).startswith("local hostile of frame ")
    loop: list[Any] = [hostile]
    loop.append(loop)
    lost = weakref.ref(hostile)
    del hostile, loop
    text = why_alive(lost())
    assert text == "only cyclic garbage refers to it: list"


def test_a_long_way_down() -> None:
    target: Any = Target()
    chain: Any = [target]
    for _ in range(200_000):
        chain = [chain]
    hold(chain)

    assert why_alive(target) == f"{HERE}.HOLDER[0][0][0]..."
    chain = None
    while HOLDER:
        hold(HOLDER[0] if type(HOLDER) is list else None)


def test_a_frozen_heap() -> None:
    target = Target()
    hold({"frozen": target})
    gc.freeze()
    try:
        assert why_alive(target) == f"{HERE}.HOLDER['frozen']"
    finally:
        gc.unfreeze()


def test_nothing_is_kept() -> None:
    item = Target()
    hold([item])
    for _ in range(2):
        why_alive(item)
    before = sys.getrefcount(item)
    alive = len(gc.get_objects())
    why_alive(item)
    gone = weakref.ref(item)

    assert sys.getrefcount(item) == before
    assert len(gc.get_objects()) <= alive + 2
    hold(None)
    gc.collect()
    why_alive(item)
    del item
    assert gone() is None
    assert gc.collect() == 0


def test_a_module_that_is_no_module() -> None:
    class Odd(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    odd = Odd("odd")
    odd.kept = Target()  # type: ignore[attr-defined]
    sys.modules["odd"] = odd
    sys.modules["odder"] = Hostile()  # type: ignore[assignment]
    try:
        assert why_alive(odd.kept) == "odd.kept"
    finally:
        del sys.modules["odd"], sys.modules["odder"]
