"""The connector's life apart from its records: opened, given a deadline for each call, paused, closed."""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from penstock import Failed, RetryLater
from penstock.connector import Connector
from penstock_workers.host.retries import Interruption, RetryPolicy
from penstock_workers.host.secrets import LONGEST_TEXT, tellable
from penstock_workers.host.stacks import awaiting_at
from penstock_workers.recent_errors import RecentErrors, task_error

log = structlog.get_logger()

T = TypeVar("T")


class Stopped(Interruption):
    """The task is to stop, so what was being waited for is not."""


class Connection:
    def __init__(
        self,
        connector: Connector[Any],
        call_timeout_seconds: float,
        stop: asyncio.Event,
        retry_policy: RetryPolicy,
        errors: RecentErrors,
    ) -> None:
        """`errors`: where those are told after which the connector is called again."""
        self.last_error = ""
        """Why the connector last had to try again; empty once it works."""
        self._connector = connector
        self._call_timeout_seconds = call_timeout_seconds
        self._stop = stop
        self.is_open = False
        self._retry_policy = retry_policy
        self._attempts = 0
        self._failing_since = 0.0
        """When the first of these attempts failed."""
        self.retries_total = 0
        self._errors = errors
        self._failed_call = ""
        """The method that raised last; none where it was the generator of `read`."""

    async def call(self, name: str, coroutine: Coroutine[Any, Any, T]) -> T:
        """The answer of connector code, within the deadline.

        Too late, it is cancelled and not waited for: code that does not even end then goes with the process.
        """
        task = asyncio.ensure_future(coroutine)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._call_timeout_seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.cancelled():
            raise Failed(f"{name} cancelled itself", hint="CancelledError is for the platform to raise")
        if done:
            if task.exception() is not None:
                self._failed_call = name
            return task.result()
        place = awaiting_at(coroutine)
        task.cancel()
        raise Failed(
            f"{name} did not return in {self._call_timeout_seconds:g} s",
            code="call-timeout",
            where=place,
            hint="make it faster, or raise task.call.timeout.seconds of the worker",
        )

    async def open(self) -> None:
        """Raises Stopped when the task is to stop before that is done. What was opened half way is closed again."""
        opening = asyncio.ensure_future(self.call("open", self._connector.open()))
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                raise Stopped
            await opening
            self.is_open = True
        finally:
            stopping.cancel()
            opening.cancel()
            if not self.is_open:
                await self._close()

    async def close(self) -> None:
        """If it is open. Never raises: there is nothing left that an error could prevent."""
        if self.is_open:
            self.is_open = False
            await self._close()

    async def _close(self) -> None:
        try:
            await self.call("close", self._connector.close())
        except Exception:
            log.warning("close failed", trace=traceback.format_exc())

    async def pause(self, error: RetryLater) -> None:
        """Wait for the time that the error asks for, twice as long with each attempt in a row.

        Raises Stopped as soon as the task is to stop, RetriesExhausted when that was enough.
        """
        now = asyncio.get_running_loop().time()
        if not self._attempts:
            self._failing_since = now
        self._attempts += 1
        self.last_error = tellable(str(error), LONGEST_TEXT)
        seconds = self._retry_policy.pause_seconds(error, self._attempts, now - self._failing_since, random.random())
        self.retries_total += 1
        call, self._failed_call = self._failed_call or "read", ""
        self._errors.add(task_error("retried", call, error.to_dict(), int(time.time() * 1000)))
        log.warning("connector waits to try again", error=str(error), seconds=round(seconds, 3))
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        raise Stopped

    def works(self) -> None:
        """It did what it failed to do before: the next pause is a first one again."""
        self._attempts = 0
        self.last_error = ""
