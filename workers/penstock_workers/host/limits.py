"""The limits of a task's process: memory and processor time, by the operating system's means.

Memory: RLIMIT_DATA, which counts what the process may write to and shares with no other. What it has reserved and never
touched counts too, so that much is added to the connector's limit. An allocation beyond it fails in the very call that
asked for it: Python raises MemoryError there, and the trace has the line.

Processor time: RLIMIT_CPU. When it is used up the process prints its stacks and ends by SIGXCPU.
"""

from __future__ import annotations

import faulthandler
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from penstock import BadConfiguration, Failed
from penstock_workers.connector_config import number_of

MEMORY, CPU = "memory.max.bytes", "cpu.max.seconds"
LEAST_ROOM_BYTES = 16 << 20
"""For the connector, beside what the process of a task has to begin with."""
GRACE_SECONDS = 5
"""Of processor time, from SIGXCPU to SIGKILL, for what ignores the first."""


def apply_limits(config: Mapping[str, str]) -> None:
    """Raises BadConfiguration for a limit under which no connector could run."""
    if memory_bytes := int(number_of(config, MEMORY)):
        _limit_memory(memory_bytes)
    if seconds := int(number_of(config, CPU)):
        faulthandler.register(signal.SIGXCPU, file=2, all_threads=True, chain=True)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + GRACE_SECONDS))


def _limit_memory(memory_bytes: int) -> None:
    reserved_bytes, touched_bytes = _own_memory_bytes()
    least_bytes = touched_bytes + LEAST_ROOM_BYTES
    if memory_bytes < least_bytes:
        hint = f"a task without a connector has {touched_bytes} bytes of its own: set {least_bytes} or more"
        raise BadConfiguration(f"{memory_bytes} is too little", where=MEMORY, hint=hint)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes + reserved_bytes - touched_bytes, hard))


def lift_memory_limit() -> None:
    """So that what happened can be told."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def memory_error(config: Mapping[str, str], where: str) -> Failed:
    """What a MemoryError, raised there, means for people."""
    limit = int(number_of(config, MEMORY))
    if not limit:
        return Failed("the machine has no more memory", code="out-of-memory", where=where, hint="see the traceback")
    hint = f"the traceback shows what asked for it; if the connector needs as much, raise {MEMORY}"
    return Failed(f"the task's process reached {MEMORY}={limit}", code="out-of-memory", where=where, hint=hint)


def _own_memory_bytes() -> tuple[int, int]:
    """What is reserved, and what of it is touched. Known on Linux; elsewhere the limit is a little tighter."""
    if sys.platform != "linux":
        return 0, 0
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    reserved, touched = (int(fields[name].split()[0]) * 1024 for name in ("VmData", "RssAnon"))
    return reserved, touched
