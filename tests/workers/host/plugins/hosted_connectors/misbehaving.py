"""Sources that do to their process what no connector should."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator

from penstock import Batch, Positions

from .sources import Counting, tell


class Crashing(Counting):
    async def after_batch(self, start: int) -> None:
        ctypes.string_at(0)


class Aborting(Counting):
    async def after_batch(self, start: int) -> None:
        os.abort()


class LeavingAtOnce(Counting):
    async def after_batch(self, start: int) -> None:
        os._exit(7)


class Interrupting(Counting):
    async def after_batch(self, start: int) -> None:
        raise KeyboardInterrupt


class ClosingAllDescriptors(Counting):
    async def after_batch(self, start: int) -> None:
        os.closerange(0, 1024)


class Odd(Counting):
    """Works on; what it does is done in `open`."""

    async def open(self) -> None:
        self.misbehave()
        tell("open")

    def misbehave(self) -> None:
        raise NotImplementedError


class PrintingMuch(Odd):
    """More than a pipe holds, in one line, and bytes that are no text."""

    def misbehave(self) -> None:
        sys.stdout.write("x" * 1_000_000 + "\n")
        sys.stderr.buffer.write(b"\xff\xfe\x00\n" * 1000)


class TurningOutputAway(Odd):
    def misbehave(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)


class WithThread(Odd):
    """Whose thread is not a daemon, and does not end."""

    def misbehave(self) -> None:
        threading.Thread(target=time.sleep, args=(1e6,)).start()


class BlockingSignals(Odd):
    def misbehave(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


class ChangingSignals(Odd):
    def misbehave(self) -> None:
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


class WithDaemon(Odd):
    """Starts a process as daemons are started: in a session of its own, its parent gone."""

    def misbehave(self) -> None:
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if daemon := os.fork():
                os.write(writing, str(daemon).encode())
                os._exit(0)
            os.execvp("sleep", ["sleep", "1000"])
        tell("daemon", pid=int(os.read(reading, 100)))


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class RaisingWhatHasNoText(Counting):
    async def after_batch(self, start: int) -> None:
        raise Unprintable


class RaisingHalfACharacter(Counting):
    """As the name of a file comes that is no text."""

    async def after_batch(self, start: int) -> None:
        raise FileNotFoundError(2, "No such file", "caf\udce9")


class RaisingMuch(Counting):
    async def after_batch(self, start: int) -> None:
        raise ValueError("z" * 5_000_000)


class YieldingANumberAmongBytes(Counting):
    async def read(self, positions: Positions) -> AsyncIterator[Batch]:
        yield Batch(self.config.topic, [b"a", 5, b"b"], position={"next": 3})
