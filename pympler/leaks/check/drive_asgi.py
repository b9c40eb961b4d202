"""Requests to an ASGI application, in-process, on one event loop for the whole check."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Collection, Coroutine, MutableMapping
from typing import Any, TypeVar
from urllib.parse import unquote

from pympler.errors import ApplicationError
from pympler.graph.roots import add_root, remove_root
from pympler.leaks.check.drive import Answer, NotAnswered, alarm, all_headers, host_name, target
from pympler.leaks.check.load import describe_error
from pympler.leaks.check.request import Headers, Request

__all__ = ["AsgiDriver"]

_T = TypeVar("_T")
_Message = MutableMapping[str, Any]
_GRACE_S = 1.0
_LOOP, _STATE = "the event loop", "the lifespan state"
_VERSIONS = {"version": "3.0", "spec_version": "2.3"}


class AsgiDriver:
    """Sends requests to an ASGI application and reads their answers to the end.

    The lifespan runs around all of them. A request ends when the application returns, so that its
    background tasks have run.

    Args:
        application: the application; timeout_s: seconds that a request or the start-up may take.

    Raises:
        ApplicationError: if the start-up of the application fails.
    """

    def __init__(self, application: Callable[..., Any], *, timeout_s: float) -> None:
        self._application = application
        self._timeout_s = timeout_s
        self._host = host_name()
        self._loop = asyncio.new_event_loop()
        add_root(_LOOP, self._loop, is_machinery=True)
        self._keep_pools()
        self._waited_for: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self._hangs = False
        self._lifespan = _Lifespan(application)
        self._state: dict[str, Any] = {}
        try:
            self._run(self._lifespan.start(), "start-up")
        except BaseException:
            self._end()  # no shutdown where the start-up has failed
            raise
        self._state = self._lifespan.state
        add_root(_STATE, self._state)
        self._waited_for.update(asyncio.all_tasks(self._loop))  # what runs for good

    def request(self, request: Request, *, keep: bool = False) -> Answer:
        """Send one request and read its whole answer.

        Raises:
            ApplicationError: if the application raises, ends the program, or takes too long.
        """
        exchange = _Exchange(request.body, keep)
        self._run(self._call(request, exchange), "")
        if exchange.status is None:
            raise ApplicationError("returned without an answer")
        if keep:
            body = b"".join(exchange.parts)
            return Answer(exchange.status, exchange.location, exchange.headers, body)
        return Answer(exchange.status, exchange.location)

    def settle(self) -> None:
        """Wait for tasks that requests have left running, a second at most and once for each."""
        new = [task for task in asyncio.all_tasks(self._loop) if task not in self._waited_for]
        if new and not self._hangs:
            self._complete_all(new)
            self._waited_for.update(task for task in new if not task.done())

    def wait(self, seconds: float) -> None:
        """Let the event loop run for some time."""
        if not self._hangs:
            self._complete(self._loop.create_task(asyncio.sleep(seconds)))

    def close(self) -> None:
        """Run the shutdown of the application and end its event loop; may be called twice."""
        if self._loop.is_closed():
            return
        try:
            if not self._hangs:
                self._run(self._lifespan.stop(), "shutdown")
        finally:
            self._end()

    def trace_pools(self, function: Any) -> None:
        """Set a trace function in the threads of the pools that run synchronous endpoints."""
        if hasattr(threading, "settrace_all_threads"):
            return  # the tracer has done so
        threading.settrace(function)  # for threads that a request starts
        if self._hangs:
            return
        self._complete(self._loop.create_task(self._trace_pools(function)))

    async def _call(self, request: Request, exchange: _Exchange) -> None:
        await self._application(self._scope(request), exchange.receive, exchange.send)

    async def _trace_pools(self, function: Any) -> None:
        if getattr(self._loop, "_default_executor", None) is not None:
            await self._loop.run_in_executor(None, sys.settrace, function)
        to_thread = sys.modules.get("anyio.to_thread")
        if to_thread is not None:
            await to_thread.run_sync(sys.settrace, function)

    def _keep_pools(self) -> None:
        """Let the threads that AnyIO starts for one request serve the next, as in a server.

        They end with the task that it takes for the main one: one that ``run_until_complete``
        waits for. So no request is run by that, and a task that waits for good looks like it is.
        """
        callback = getattr(asyncio.base_events, "_run_until_complete_cb", None)
        if callback is not None:
            self._keeper = self._loop.create_task(_wait_for_good())
            self._keeper.add_done_callback(callback)

    def _complete(self, task: asyncio.Task[_T]) -> _T:
        """Run the event loop until a task is done."""

        def stop(_: object) -> None:
            self._loop.stop()

        task.add_done_callback(stop)
        try:
            while not task.done():
                self._loop.run_forever()
        finally:
            task.remove_done_callback(stop)
        return task.result()

    def _complete_all(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        """Run the event loop until these tasks are done, a second at most."""
        if tasks:
            self._complete(self._loop.create_task(_wait_for(tasks)))

    def _run(self, coroutine: Coroutine[Any, Any, object], what: str) -> None:
        where = f"{what} " if what else ""
        task = self._loop.create_task(coroutine)
        try:
            with alarm(self._timeout_s):
                self._complete(task)
        except (KeyboardInterrupt, GeneratorExit, ApplicationError):
            raise
        except NotAnswered as error:
            self._abandon(task)
            raise ApplicationError(f"{where}gave no answer within {self._timeout_s:g} s") from error
        except SystemExit as error:
            raise ApplicationError(f"{where}ended the program: {describe_error(error)}") from error
        except BaseException as error:
            raise ApplicationError(f"{where}raised {describe_error(error)}") from error

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task that takes too long; one that a thread holds up is left behind."""
        if task.done():
            return
        task.cancel()
        with alarm(2 * _GRACE_S), contextlib.suppress(NotAnswered):
            self._complete_all([task])
        self._hangs = not task.done()

    def _end(self) -> None:
        remove_root(_LOOP)
        remove_root(_STATE)
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._complete_all(tasks)
        for task in tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
            elif not task.cancelled():
                task.exception()  # otherwise asyncio complains that nobody asked for it
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        if not self._hangs:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _scope(self, request: Request) -> dict[str, Any]:
        encoded, query = target(request.path)
        headers = all_headers(request, self._host.encode("idna").decode("ascii"))
        return {
            "type": "http",
            "asgi": dict(_VERSIONS),
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(encoded),
            "raw_path": encoded.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
            "client": ("127.0.0.1", 50000),
            "server": (self._host, 80),
            "state": dict(self._state),
        }


async def _wait_for_good() -> None:
    await asyncio.Event().wait()


async def _wait_for(tasks: Collection[asyncio.Task[Any]]) -> None:
    await asyncio.wait(tasks, timeout=_GRACE_S)


class _Exchange:
    """The messages of one request."""

    def __init__(self, body: bytes, keep: bool) -> None:
        self.status: int | None = None
        self.location = ""
        self.headers: Headers = ()
        self.parts: list[bytes] = []
        self._body = body
        self._keep = keep
        self._asked = False
        self._answered = asyncio.Event()

    async def receive(self) -> _Message:
        """The body, then the disconnect once the answer is complete."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._answered.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: _Message) -> None:
        """Take a part of the answer; the body is read and forgotten."""
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = tuple(
                (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
                for name, value in message.get("headers", ())
            )
            self.location = next((v for name, v in headers if name.lower() == "location"), "")
            self.headers = headers if self._keep else ()
        elif message["type"] == "http.response.body":
            if self._keep:
                self.parts.append(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                self._answered.set()


class _Lifespan:
    """The lifespan of an application; one that knows of none is left alone."""

    def __init__(self, application: Callable[..., Awaitable[object]]) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._task: asyncio.Task[None] | None = None
        self._to_application: asyncio.Queue[_Message] | None = None
        self._answer: asyncio.Future[_Message] | None = None
        self._knows_it = False
        self._raised = ""

    async def start(self) -> None:
        self._to_application = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._serve())
        message = await self._exchange("startup")
        if message is not None and message["type"] == "lifespan.startup.failed":
            raise await self._failure("start-up", message)
        self._knows_it = message is not None

    async def stop(self) -> None:
        assert self._task is not None
        message = None if self._task.done() else await self._exchange("shutdown")
        await asyncio.wait({self._task}, timeout=_GRACE_S)
        if message is not None and message["type"] == "lifespan.shutdown.failed":
            raise await self._failure("shutdown", message)
        if self._knows_it and self._raised:
            raise ApplicationError(f"lifespan raised {self._raised}")

    async def _failure(self, what: str, message: _Message) -> ApplicationError:
        """What has failed, as the application says it; better, as it raised it."""
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=_GRACE_S)
        said = str(message.get("message", "")).strip().rpartition("\n")[2]
        return ApplicationError(f"{what} failed: {self._raised or said or message['type']}")

    async def _exchange(self, event: str) -> _Message | None:
        """Tell the application of an event; its answer, ``None`` if it ends without one."""
        assert self._task is not None
        assert self._to_application is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._to_application.put_nowait({"type": f"lifespan.{event}"})
        waiting: set[asyncio.Future[Any]] = {self._task, self._answer}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return self._answer.result() if self._answer.done() else None

    async def _serve(self) -> None:
        assert self._to_application is not None
        scope = {"type": "lifespan", "asgi": dict(_VERSIONS), "state": self.state}
        try:
            await self._application(scope, self._to_application.get, self._receive_answer)
        except ApplicationError:
            raise
        except Exception as error:  # noqa: BLE001
            # Applications that do not know the lifespan raise, and servers take that as a no.
            self._raised = describe_error(error)

    async def _receive_answer(self, message: _Message) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
