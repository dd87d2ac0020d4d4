"""A small client of the REST API, for the commands: standard library only, because start-up time is felt."""

from __future__ import annotations

import difflib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

import click

from penstock import BadConfiguration, PenstockError, Problem
from penstock_platform.cli.root import UnknownName

DEFAULT_URL = "http://127.0.0.1:8083"
READ_TIMEOUT_SECONDS = 30.0
WRITE_TIMEOUT_SECONDS = 100.0  # the server's own deadline is 90: it knows what was done, and what not
HINTS = {
    "connector-not-stopped": "penstock connector stop {name}; afterwards: penstock connector resume {name}",
    "unknown-dead-letter": "penstock connector dead-letters list {name}",
}
"""What REST says in its own calls, in those of the command line."""


def url_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--url", default=DEFAULT_URL, show_default=True, envvar="PENSTOCK_URL", help="Address of a worker's REST API."
    )(command)


class RestClient:
    """Calls one worker. Errors come back as the object that the server sent."""

    def __init__(self, url: str) -> None:
        """Raises BadConfiguration where `url` is none."""
        self.url = url.rstrip("/")
        try:
            parts = urllib.parse.urlsplit(self.url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # of a port or an IPv6 address
            is_address = False
        if not is_address:
            raise BadConfiguration(
                "is no address of a REST API", where=f"--url {url}", hint=f"write it as {DEFAULT_URL}"
            )

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer, None where there is none."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        timeout_seconds = READ_TIMEOUT_SECONDS if method == "GET" else WRITE_TIMEOUT_SECONDS
        with self._open(request, timeout_seconds) as response:
            text = response.read()
            return json.loads(text) if text else None

    def lines(self, connector: str, path: str) -> Iterator[str]:
        """The lines of an answer that does not end, as they come."""
        name = urllib.parse.quote(connector, safe="")
        request = urllib.request.Request(f"{self.url}/connectors/{name}{path}")
        with self._open(request, None) as response:
            for line in response:
                yield line.decode().rstrip("\n")

    @contextmanager
    def _open(self, request: urllib.request.Request, timeout_seconds: float | None) -> Iterator[Any]:
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
                yield response
        except urllib.error.HTTPError as error:
            raise _as_sent(error) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise PenstockError(
                f"no answer: {reason}",
                code="no-server",
                where=self.url,
                hint="start one with `penstock up`, or name another with --url",
            ) from error

    def connector(self, method: str, name: str, path: str = "", body: Any = None) -> Any:
        try:
            return self.call(method, f"/connectors/{urllib.parse.quote(name, safe='')}{path}", body)
        except PenstockError as error:
            if error.problem.code == "unknown-connector":
                raise self._unknown(name, error) from None
            raise in_commands(error, name) from None

    def _unknown(self, name: str, error: PenstockError) -> UnknownName:
        """The same, with the name that was meant."""
        near = difflib.get_close_matches(name, self.call("GET", "/connectors"), n=1)
        hint = f"did you mean {near[0]}?" if near else "`penstock connector list` shows those that exist"
        return UnknownName(error.problem.message, code=error.problem.code, where=name, hint=hint)


def in_commands(error: PenstockError, name: str) -> PenstockError:
    """An error of connector `name` with a hint that can be typed."""
    problem = error.problem
    if problem.code not in HINTS:
        return error
    hint = HINTS[problem.code].format(name=name)
    return type(error)(problem.message, code=problem.code, where=problem.where, hint=hint)


def _as_sent(error: urllib.error.HTTPError) -> PenstockError:
    try:
        answer = json.loads(error.read())
        problems = [Problem(**{key: each.get(key, "") for key in _FIELDS}) for each in answer.get("problems", ())]
    except (ValueError, AttributeError):
        return PenstockError(f"HTTP {error.code} {error.reason}", code="unexpected-answer", where=error.url or "")
    if problems:
        return BadConfiguration(problems)
    code = answer.get("code") or f"http-{error.code}"
    kind = UnknownName if code.startswith("unknown-") else PenstockError
    return kind(
        with_cause(answer.get("message", f"HTTP {error.code}"), answer.get("cause", "")),
        code=code,
        where=answer.get("where", ""),
        hint=answer.get("hint", ""),
    )


def with_cause(message: str, cause: str) -> str:
    """`cause` is the type and text of an exception: it is told where it says something that the message does not."""
    _, _, text = cause.partition(": ")
    return f"{message}: {cause}" if text and text not in message else message


_FIELDS = ("code", "message", "where", "hint")
