"""Whether processes run, as the system says. Any may end while this asks."""

from __future__ import annotations

import asyncio

import psutil


def is_running(process: psutil.Process | int) -> bool:
    """Whether it has not ended. One that nobody has waited for yet is a zombie, and has ended all the same."""
    try:
        process = psutil.Process(process) if isinstance(process, int) else process
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def parent_of(pid: int) -> int:
    return psutil.Process(pid).ppid()


async def until_gone(*pids: int) -> None:
    async with asyncio.timeout(60):
        while any(is_running(pid) for pid in pids):
            await asyncio.sleep(0.01)
