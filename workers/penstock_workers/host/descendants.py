"""What descends from a process, and how none of it is left behind: Linux's means, for those that start others.

A process dies with its parent if it has asked for that; its own children need not have, and those of a connector have
not. So whoever starts connectors adopts what their ends leave behind, and ends it. Elsewhere than on Linux nothing is
adopted, and nothing of this is known.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Linux: that signal as soon as the parent is gone. Elsewhere the end of the control socket has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it went before the call
        os._exit(1)


def adopt_orphans() -> None:
    """Linux: whatever descends from this process and loses its parent becomes its child."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Of this process, which has one thread. None where the system does not list them."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except FileNotFoundError:
        return []


def end_descendants() -> None:
    """SIGKILL for every child, and for whatever becomes one by the death of its parent. Returns when none is left."""
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in children():
                os.kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def fork_under_guard(descriptors: Sequence[int]) -> None:
    """Go on in a child. The parent stays, without these descriptors, to end what the child leaves when it ends.

    If the parent is the one that is killed, the child gets SIGTERM, upon which it has to end its descendants itself.
    """
    guard = os.getpid()
    adopt_orphans()
    child = os.fork()
    if not child:
        die_with_parent(guard, signal.SIGTERM)
        return
    for descriptor in descriptors:
        os.close(descriptor)
    _, status = os.waitpid(child, 0)
    end_descendants()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)
