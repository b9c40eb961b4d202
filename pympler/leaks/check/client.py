"""A client for scripts: several requests that belong together, judged as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode

from pympler.errors import ApplicationError
from pympler.leaks.check.drive import Answer, Driver, status_problem
from pympler.leaks.check.load import describe_error
from pympler.leaks.check.request import Headers, Request
from pympler.leaks.check.visitor import DrivenSender

__all__ = ["Client", "Response", "ScriptRunner"]


class Response:
    """An answer: ``status``, ``headers`` (by lower-case name), ``body`` and ``text``."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers = {name.lower(): value for name, value in answer.headers}
        self.body = answer.body

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as what its JSON says."""
        return json.loads(self.body)


class Client:
    """Sends requests to the application; what a script is called with.

    Cookies that the application sets are sent back, also in the next call of the script.

    Attributes:
        n: a number that is another one in each call of the script.
        cookies: values by name.
    """

    def __init__(self, driver: Driver, accepted: frozenset[int]) -> None:
        self._driver = driver
        self._accepted = accepted
        self.n = 0
        self.status: int | None = None
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **options: Any) -> Response:
        """Send a GET request; the options are those of :meth:`request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        """Send a POST request; the options are those of :meth:`request`."""
        return self.request("POST", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str = b"",
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        expect: int | None = None,
    ) -> Response:
        """Send a request and read its whole answer.

        Args:
            method: of the request.
            path: with its query, not percent-encoded.
            headers: further headers.
            body: what is sent.
            json: a value that is sent as JSON instead.
            form: the fields of a form that is sent instead.
            expect: the status that is right; by default 200 to 299 and those of ``--expect``.

        Raises:
            ApplicationError: if the answer is another one, or none.
        """
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if json is not None:
            body = _json(json)
            given.setdefault("content-type", "application/json")
        elif form is not None:
            body = urlencode(form, doseq=True)
            given.setdefault("content-type", "application/x-www-form-urlencoded")
        if self.cookies:
            given.setdefault("cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        sent = body.encode() if isinstance(body, str) else body
        fields: Headers = tuple(given.items())
        try:
            answer = self._driver.request(Request(path, method, fields, sent), keep=True)
        except ApplicationError as error:
            raise ApplicationError(f"{method} {path} {error}") from error
        self.status = answer.status
        self._take_cookies(answer)
        accepted = self._accepted if expect is None else frozenset({expect})
        problem = status_problem(answer, accepted)
        if expect is not None and answer.status != expect:
            problem = f"answered {answer.status}, not {expect}"
        if problem is not None:
            raise ApplicationError(f"{method} {path} {problem}")
        return Response(answer)

    def _take_cookies(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name.lower() != "set-cookie":
                continue
            try:
                morsels = SimpleCookie(value)
            except CookieError:
                continue
            for morsel in morsels.values():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(morsel.key, None)
                else:
                    self.cookies[morsel.key] = morsel.value


_json = json.dumps


class ScriptRunner(DrivenSender):
    """Calls a script again and again.

    Args:
        driver: sends its requests; script: called with a :class:`Client`.
        accepted: statuses that are expected although they are redirects or errors.
    """

    def __init__(
        self,
        driver: Driver,
        script: Callable[[Client], object],
        *,
        accepted: frozenset[int],
    ) -> None:
        name = getattr(script, "__qualname__", type(script).__name__)
        super().__init__(driver, "", f"{script.__module__}:{name}")
        self._script = script
        self._client = Client(driver, accepted)

    @property
    def status(self) -> int | None:
        """The status of the last answer."""
        return self._client.status

    def send(self, count: int) -> None:
        """Call the script this many times.

        Raises:
            ApplicationError: if it raises, or a request of it is not answered as expected.
        """
        for _ in range(count):
            self._client.n = self.first + self.requests
            self.requests += 1
            try:
                self._script(self._client)
            except (KeyboardInterrupt, GeneratorExit):
                raise
            except ApplicationError as error:
                raise ApplicationError(f"{error}{self.when()}") from error
            except BaseException as error:
                raise ApplicationError(
                    f"the script raised {describe_error(error)}{self.when()}"
                ) from error
