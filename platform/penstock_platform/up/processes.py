"""Child processes that are started again when they die, and stopped in order.

Each writes its log to a file of its own. None outlives this process, not even if it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from penstock import Failed
from penstock_workers.host.descendants import die_with_parent

FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS = 0.2, 5.0
STABLE_SECONDS = 10.0
"""A process that ran for so long starts again at once; one that dies sooner waits twice as long each time."""
WRONG_INPUT_EXIT, WRONG_ENVIRONMENT_EXIT = 2, 3
"""As the command line ends: starting it again will not help. An environment may get better, as when the log was away
for longer than a worker waits, but where a process could not even start (a port in use), a person has to hear of it."""
LOG_TAIL_BYTES = 2000


@dataclass(slots=True)
class Child:
    """A process that should run until told to stop."""

    name: str
    command: Sequence[str]
    log_path: Path
    on_change: Callable[[str], None] = lambda text: None
    """Told in words a person reads when the process dies and comes back."""
    restarts: int = 0
    _process: asyncio.subprocess.Process | None = None
    _supervising: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        await self._spawn()
        self._supervising = asyncio.create_task(self._supervise(), name=f"supervise {self.name}")

    async def watch(self) -> None:
        """Returns only by raising Failed: the process cannot be kept alive."""
        assert self._supervising is not None
        await asyncio.shield(self._supervising)

    async def stop(self, timeout_seconds: float) -> None:
        """SIGTERM, and SIGKILL when the time is up."""
        if self._supervising is not None:
            self._supervising.cancel()
            with contextlib.suppress(asyncio.CancelledError, Failed):
                await self._supervising
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), timeout_seconds)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _spawn(self) -> None:
        parent = os.getpid()
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: we stop the others in order
                preexec_fn=lambda: die_with_parent(parent),
            )

    async def _supervise(self) -> None:
        backoff_seconds = FIRST_BACKOFF_SECONDS
        while self._process is not None:
            started = time.monotonic()
            exit_code = await self._process.wait()
            is_stable = time.monotonic() - started > STABLE_SECONDS
            never_ran = self.restarts == 0 and not is_stable
            if exit_code == WRONG_INPUT_EXIT or (exit_code == WRONG_ENVIRONMENT_EXIT and never_ran):
                raise Failed(f"cannot run:\n{self._last_words()}", code=f"{self.name}-failed", where=str(self.log_path))
            if is_stable:
                backoff_seconds = FIRST_BACKOFF_SECONDS
            self.on_change(f"{self.name} {_ending(exit_code)}; starting it again")
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)
            self.restarts += 1
            await self._spawn()

    def _last_words(self) -> str:
        with self.log_path.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - LOG_TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").strip().splitlines()[-5:])


def _ending(exit_code: int) -> str:
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
