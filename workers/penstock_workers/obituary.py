"""Why a task's process ended that did not say so itself, read from its exit code. Pure."""

from __future__ import annotations

import signal

from penstock import Problem

ENDINGS = {
    signal.SIGXCPU: "it used up cpu.max.seconds",
    signal.SIGABRT: "it gave up by itself, as native code does where memory.max.bytes refuses it memory",
    signal.SIGKILL: "from outside: by hand, or by the system where it has no more memory",
}


def obituary(exit_code: int) -> Problem:
    """`exit_code`: as in `subprocess`."""
    return Problem(
        "process-died",
        f"The task's process {_end(exit_code)}",
        hint="see what it printed last in the connector's logs",
    )


def _end(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended by itself with exit code {exit_code}"
    number = signal.Signals(-exit_code)
    return f"was ended by {number.name}" + (f": {ENDINGS[number]}" if number in ENDINGS else "")
