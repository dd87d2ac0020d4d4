"""What people read where a task's process ended without a word."""

from __future__ import annotations

import signal

import pytest

from penstock_workers.obituary import obituary


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (0, "ended by itself with exit code 0"),
        (3, "ended by itself with exit code 3"),
        (-signal.SIGKILL, "was ended by SIGKILL: from outside"),
        (-signal.SIGSEGV, "was ended by SIGSEGV: native code crashed"),
        (-signal.SIGXCPU, "was ended by SIGXCPU: it used up cpu.max.seconds"),
        (-signal.SIGHUP, "was ended by SIGHUP"),
        (-40, "was ended by signal 40"),
    ],
)
def test_every_end_has_its_words_and_a_next_step(exit_code: int, words: str) -> None:
    problem = obituary(exit_code)
    assert words in problem.message
    assert problem.code == "process-died"
    assert problem.hint
