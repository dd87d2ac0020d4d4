"""The fork server's process: forks task hosts on request and tells when they ended. `python -m` runs it.

It has imported what every task host needs, so that a child starts in milliseconds and shares those pages. It runs
no connector code, has one thread, and knows each child until it has reaped it: that is why signals to children go
through here, where a process id cannot have been given to somebody else.

Whatever ends this process ends the children: an end of its control socket (the worker is gone) by SIGKILL to their
process groups, its own death by the signal that Linux sends to the children of a dead parent. What connector code
started ends with its task host, also where it left the process group: Linux hands orphans to their task host, and when
that has ended, to this process, which kills them; when this one is killed, to its parent, a guard that does nothing
else. Only where both are killed at one moment does Linux leave what a connector started running.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
from typing import NoReturn

import msgspec
from setproctitle import setproctitle

from penstock_workers import lease
from penstock_workers.host.channel import LENGTH_BYTES, frame
from penstock_workers.host.descendants import (
    adopt_orphans,
    children,
    die_with_parent,
    end_descendants,
    fork_under_guard,
)

PRELOADED = (
    "aiokafka",
    "asyncio",
    "concurrent.futures.thread",
    "cramjam",
    "faulthandler",
    "glob",
    "jsonschema",
    "orjson",
    "penstock",
    "penstock_workers.client",
    "penstock_workers.host.main",
    "random",
    "secrets",
    "structlog",
    "uvloop",
    "watchfiles",
)
ALLOCATOR_SETTINGS = {
    "MALLOC_TOP_PAD_": str(64 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024 * 1024),
}
"""For glibc, which reads them when a process starts. Record batches come and go by the megabyte; with its defaults
their pages are given back and faulted in again each time."""
LARGEST_REQUEST_BYTES = 65536


class Fork(msgspec.Struct, frozen=True, tag=True):
    """Fork a task host. Comes with two descriptors: its control socket, and where its output goes."""

    name: str


class Signal(msgspec.Struct, frozen=True, tag=True):
    """Send a signal to a child, or to all its process group; nothing happens if it has ended."""

    pid: int
    number: int
    group: bool


class Forked(msgspec.Struct, frozen=True, tag=True):
    pid: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The operating system gave no process."""

    reason: str


class Exited(msgspec.Struct, frozen=True, tag=True):
    pid: int
    exit_code: int


class Forking:
    """One loop over two descriptors: requests from the worker, and signals: SIGCHLD, and SIGTERM to end."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: set[int] = set()
        self._is_ending = False
        self._wakeup, wakeup_writer = socket.socketpair()
        self._wakeup.setblocking(False)
        wakeup_writer.setblocking(False)
        self._wakeup_writer = wakeup_writer

    def run(self) -> None:
        signal.set_wakeup_fd(self._wakeup_writer.fileno())
        signal.signal(signal.SIGCHLD, lambda number, stack: None)  # a handler, so that the wake-up is written
        signal.signal(signal.SIGTERM, self._end)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while not self._is_ending:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wakeup.fileno() in ready:
                self._wakeup.recv(4096)
                self._reap()
            if self._control.fileno() in ready and not self._serve_request():
                break

    def end_children(self) -> None:
        for pid in self._children:
            os.killpg(pid, signal.SIGKILL)
        end_descendants()

    def _end(self, number: int, stack: object) -> None:
        """A flag, and not the byte of the wake-up: a child that has just been forked shares that descriptor."""
        self._is_ending = True

    def _serve_request(self) -> bool:
        """The worker sends the next fork request after the answer to the last, so a read brings whole requests."""
        content, descriptors, _, _ = socket.recv_fds(self._control, LARGEST_REQUEST_BYTES, 2)
        while content:
            end = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "big")
            while len(content) < end:
                content += self._control.recv(LARGEST_REQUEST_BYTES)
            match msgspec.json.decode(content[LENGTH_BYTES:end], type=Fork | Signal):
                case Fork(name):
                    self._fork(name, descriptors[0], descriptors[1])
                case Signal(pid, number, group) if pid in self._children:
                    os.killpg(pid, number) if group else os.kill(pid, number)
            content = content[end:]
            if not content:
                return True
        return False

    def _fork(self, name: str, control: int, output: int) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._control.sendall(frame(Refused(str(error))))
        else:
            if pid == 0:
                self._become_task_host(name, control, output, server)
            with contextlib.suppress(OSError):  # the child does the same: whoever is first
                os.setpgid(pid, pid)
            self._children.add(pid)
            self._control.sendall(frame(Forked(pid)))
        os.close(control)
        os.close(output)

    def _become_task_host(self, name: str, control: int, output: int, server: int) -> NoReturn:
        try:
            die_with_parent(server)
            adopt_orphans()
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            self._control.close()
            self._wakeup.close()
            self._wakeup_writer.close()
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            gc.enable()
            from penstock_workers.host.main import main

            main(name, socket.socket(fileno=control))
        except SystemExit as error:
            os._exit(error.code if isinstance(error.code, int) else 1)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)

    def _reap(self) -> None:
        """What a child leaves running in its process group ends with it."""
        with contextlib.suppress(ChildProcessError):  # there is none any more
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                if pid in self._children:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                    self._children.discard(pid)
                    self._control.sendall(frame(Exited(pid, os.waitstatus_to_exitcode(status))))
        self._kill_strays()

    def _kill_strays(self) -> None:
        """Children that were never forked here: orphans of task hosts that have ended."""
        for pid in children():
            if pid not in self._children:
                os.kill(pid, signal.SIGKILL)


def main() -> None:
    control_descriptor, *lease_descriptors = descriptors = [int(each) for each in sys.argv[1:]]
    fork_under_guard(descriptors)
    control = socket.socket(fileno=control_descriptor)
    setproctitle("penstock fork server")
    for setting in ALLOCATOR_SETTINGS:  # not for the processes that a connector starts
        os.environ.pop(setting, None)
    gc.disable()
    for module in PRELOADED:
        importlib.import_module(module)
    for descriptor in lease_descriptors:
        lease.share(descriptor)
    adopt_orphans()
    gc.freeze()  # children then write less to the pages that they share
    forking = Forking(control)
    with contextlib.suppress(ConnectionError):
        forking.run()
    forking.end_children()


if __name__ == "__main__":
    main()
