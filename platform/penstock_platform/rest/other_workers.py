"""What only the worker of a task knows (its log lines, errors and numbers), asked of the other workers as well.

Whoever is asked by a client asks all others by their REST URLs, at the same time and with a deadline; `local=true` in
the query says that the answer is to be of that worker alone, so that no request goes round.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from yarl import URL

from penstock_platform.rest.context import WORKER
from penstock_platform.rest.requests import boolean
from penstock_workers.cluster.info import WorkerInfo
from penstock_workers.worker import Worker

DEADLINE_SECONDS = 2.0
LOCAL = {"local": "true"}


class Answers(NamedTuple):
    found: Mapping[str, Any]
    """By worker id: the JSON of those that answered."""
    unanswered: Sequence[Mapping[str, str]]
    """The others, for people: `worker_id`, `url`, `why`."""


class OtherWorkers:
    def __init__(self, worker: Worker, session: ClientSession) -> None:
        self._worker = worker
        self._session = session

    @property
    def members(self) -> list[WorkerInfo]:
        return [info for info in self._worker.members().workers if info.worker_id != self._worker.id]

    async def ask(self, request: web.Request, relative: URL | None = None) -> Answers:
        """The same that the client asks of this worker, or what `relative` says; nobody where the client asks for this
        one alone."""
        if boolean(request, "local"):
            return Answers({}, [])
        members = self.members
        answers = await asyncio.gather(*(self._one(info, relative or request.rel_url) for info in members))
        found: dict[str, Any] = {}
        unanswered = []
        for info, answer in zip(members, answers, strict=True):
            if isinstance(answer, _Silence):
                unanswered.append({"worker_id": info.worker_id, "url": info.url, "why": answer.why})
            else:
                found[info.worker_id] = answer
        return Answers(found, unanswered)

    async def lines(self, info: WorkerInfo, relative: URL) -> AsyncIterator[Any]:
        """The lines of JSON of an answer that goes on. Raises ClientError, TimeoutError or ValueError."""
        timeout = ClientTimeout(total=None, sock_connect=DEADLINE_SECONDS)
        async with self._session.get(_url(info, relative), timeout=timeout, raise_for_status=True) as response:
            async for line in response.content:
                yield orjson.loads(line)

    async def _one(self, info: WorkerInfo, relative: URL) -> Any:
        timeout = ClientTimeout(total=DEADLINE_SECONDS)
        try:
            async with self._session.get(_url(info, relative), timeout=timeout) as response:
                answer = orjson.loads(await response.read())
                if response.status == 200:
                    return answer
                return _Silence(f"HTTP {response.status}: {answer['message']}")
        except TimeoutError:
            return _Silence(f"no answer within {DEADLINE_SECONDS:g} s")
        except (ClientError, OSError, ValueError, KeyError, TypeError) as error:
            return _Silence(str(error) or type(error).__name__)


class _Silence(NamedTuple):
    why: str


def _url(info: WorkerInfo, relative: URL) -> URL:
    return URL(info.url).join(relative.update_query(LOCAL))


OTHERS = web.AppKey("others", OtherWorkers)


async def other_workers(app: web.Application) -> AsyncIterator[None]:
    """For as long as the application serves."""
    async with ClientSession() as session:
        app[OTHERS] = OtherWorkers(app[WORKER], session)
        yield
