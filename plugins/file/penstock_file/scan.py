"""Finding files: which regular files the patterns match now. The source of truth; notifications only wake it up."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator

from penstock_file.tailed_file import Found


def find_files(paths: Iterable[str]) -> list[Found]:
    """What is there, oldest change first; once for each path. Whatever is no regular file is passed over."""
    found: list[Found] = []
    for path in sorted(set(paths)):
        try:
            status = os.stat(path)
        except OSError:  # gone since, or a link that leads nowhere
            continue
        if stat.S_ISREG(status.st_mode):
            found.append(Found(path, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns))
    return sorted(found, key=lambda item: item.modified_ns)


def matching_paths(pattern: str) -> Iterator[str]:
    """`*`, `?` and `[...]` match within a name, `**` any number of directories. Hidden ones only match a dot."""
    root, deep, rest = pattern.partition("**/")
    if not deep:
        yield from glob.iglob(pattern)
        return
    # Not glob's own `**`: that follows links to directories, and never returns where two of them lead upwards.
    for directory, names, _ in os.walk(root or "."):
        names[:] = [name for name in names if not name.startswith(".")]
        yield from glob.iglob(os.path.join(glob.escape(directory), rest))


def watch_root(pattern: str) -> str:
    """The deepest directory that holds all that the pattern can match."""
    directory = os.path.dirname(pattern)
    while glob.has_magic(directory):
        directory = os.path.dirname(directory)
    return directory or "."
