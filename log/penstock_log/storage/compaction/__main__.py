"""`python -m penstock_log.storage.compaction`: one pass, told on stdin and answered on stdout. See `process.py`."""

import os
import signal
import sys
import threading

import msgspec

from penstock_log.errors import ErrorCode, LogError
from penstock_log.storage.compaction.compact import compact
from penstock_log.storage.compaction.job import CompactionJob, Failed, Message

_NICENESS = 10


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the node, which ends us.
    os.nice(_NICENESS)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=CompactionJob)
    threading.Thread(target=_end_with_the_node, daemon=True).start()
    try:
        for message in compact(job):
            _answer(message)
    except LogError as error:
        _answer(Failed(error.message, is_damaged=error.code == ErrorCode.corrupt_message))
    except OSError as error:
        _answer(Failed(str(error)))


def _answer(message: Message) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_the_node() -> None:
    """The node holds our stdin open. Without it nobody would take the result over."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
