"""Why a task's process ended that did not say so itself, read from its exit code. Pure."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from penstock import Problem

LAST_LINES = "see what it printed last in the connector's logs"
CRASH = "native code crashed, of the connector or of a library", f"{LAST_LINES}: the stacks of that moment"
ENDINGS: Mapping[int, tuple[str, str]] = {
    signal.SIGXCPU: ("it used up cpu.max.seconds", f"raise that, or {LAST_LINES}: where it was"),
    signal.SIGABRT: (
        "it gave up by itself, as native code does where memory.max.bytes refuses it memory",
        f"raise that, or {LAST_LINES}",
    ),
    signal.SIGKILL: (
        "from outside: by hand, or by the system where it has no more memory",
        "look for it in the system's log, and bound what the task may use with memory.max.bytes",
    ),
    signal.SIGSEGV: CRASH,
    signal.SIGBUS: CRASH,
    signal.SIGILL: CRASH,
    signal.SIGFPE: CRASH,
}


def obituary(exit_code: int) -> Problem:
    """`exit_code`: as in `subprocess`."""
    if exit_code >= 0:
        how, hint = f"ended by itself with exit code {exit_code}", LAST_LINES
    elif ending := ENDINGS.get(-exit_code):
        how, hint = f"was ended by {signal.Signals(-exit_code).name}: {ending[0]}", ending[1]
    else:
        how, hint = f"was ended by {_name(-exit_code)}", LAST_LINES
    return Problem("process-died", f"The task's process {how}", hint=hint)


def _name(number: int) -> str:
    """Most real-time signals have none."""
    return signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"
