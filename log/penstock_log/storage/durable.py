"""Small files that must be either old or new after a power cut, never half written."""

import os
import shutil
from pathlib import Path
from typing import Final

__all__ = [
    "TEMPORARY_SUFFIX",
    "remove_directory",
    "sync_data",
    "sync_directory",
    "write_atomically",
    "write_then_rename",
]

TEMPORARY_SUFFIX: Final = ".tmp"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file's content; on return it is on disk, name and all."""
    write_then_rename(path, content)
    sync_directory(path.parent)


def write_then_rename(path: Path, content: bytes) -> None:
    """As `write_atomically`, for several files at once: the new content counts once the directory is synced."""
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def sync_data(descriptor: int) -> None:
    """Make a file's data durable, and of its metadata only what reading it needs; macOS has just the full fsync."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable: a new file may be lost with its name although its data was synced."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_directory(directory: Path) -> None:
    """One that was renamed to be removed: first the new name is made durable, so that the old one never comes back."""
    sync_directory(directory.parent)
    # Another thread may be removing single files of it.
    shutil.rmtree(directory, ignore_errors=True)
