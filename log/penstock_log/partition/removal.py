"""Removing the files of segments that have left the log: for large ones a file system takes its time."""

import asyncio
from pathlib import Path

import structlog

from penstock_log.storage.compaction.swap import remove_deleted

__all__ = ["remove_deleted_soon"]

logger = structlog.get_logger()


def remove_deleted_soon(directory: Path) -> None:
    """In a thread, for which nobody waits: what a crash leaves of them, the next start removes."""
    asyncio.get_running_loop().run_in_executor(None, _remove, directory)


def _remove(directory: Path) -> None:
    try:
        remove_deleted(directory)
    except OSError as error:
        logger.error("cannot remove the files of deleted segments", directory=str(directory), error=str(error))
