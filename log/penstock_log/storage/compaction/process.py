"""Running a pass of compaction in a process of its own.

Decoding records is Python code: in a thread it would hold the interpreter's lock and delay every request by
milliseconds. The process is niced, ends with the node, and lives for one pass.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from penstock_log.storage.compaction.job import CompactionJob, Failed, Finished, Message

__all__ = ["run_compaction"]

_LINE_LIMIT_BYTES: Final = 64 << 20


async def run_compaction(job: CompactionJob) -> AsyncGenerator[Message, None]:
    """What the process answers, ending with `Finished` or `Failed`. Close the iterator early and it is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "penstock_log.storage.compaction",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT_BYTES,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        while line := await process.stdout.readline():
            message: Message = msgspec.json.decode(line, type=Message)
            yield message
            if isinstance(message, Finished | Failed):
                return
        yield Failed(f"its process ended with exit code {await process.wait()}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
