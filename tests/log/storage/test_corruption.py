"""Random damage to any of a log's files: it opens, serves only what was written, and takes appends again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock_log.errors import LogError
from penstock_log.storage.batch import iter_batches
from penstock_log.storage.partition_log import PartitionLog, SegmentLimits
from penstock_log.storage.records import decode_batch

if TYPE_CHECKING:
    from tests.log.storage.conftest import LogDirectory

LIMITS = SegmentLimits(segment_bytes=3_000, index_interval_bytes=300)


@pytest.mark.parametrize("round_number", range(40))
def test_a_damaged_log_serves_nothing_but_what_was_written(directory: LogDirectory, round_number: int) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    written = _write(directory, chance)
    damaged = [path for path in sorted(directory.path.iterdir()) if path.stat().st_size]
    for _ in range(chance.randrange(1, 4)):
        _damage(chance.choice(damaged), chance)
    log = directory.open(LIMITS)
    for offset, value in _served(log).items():
        assert value == written[offset]
    next_offset = log.end_offset
    directory.append(log, b"after", timestamp_ms=next_offset)
    assert _served(log)[next_offset] == b"after"
    log.close()
    assert directory.open(LIMITS).end_offset == next_offset + 1


def _write(directory: LogDirectory, chance: random.Random) -> dict[int, bytes | None]:
    log = directory.open(LIMITS)
    for number in range(chance.randrange(1, 40)):
        values = [b"%d-" % number + chance.randbytes(chance.randrange(300)) for _ in range(chance.randrange(1, 4))]
        directory.append(log, *values, timestamp_ms=log.end_offset)
        if chance.random() < 0.1:
            directory.flush(log)
    written = _served(log)
    assert len(written) == log.end_offset
    if chance.random() < 0.3:
        log.close()
    directory.files.close_all()
    return written


def _damage(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    at = chance.randrange(max(len(content), 1))
    kind = chance.choice(["cut", "byte", "zeros", "garbage"])
    if kind == "cut":
        del content[at:]
    elif kind == "byte":
        content[at : at + 1] = chance.randbytes(1)
    elif kind == "zeros":
        content[at : at + 50] = bytes(len(content[at : at + 50]))
    else:
        content += chance.randbytes(30)
    path.write_bytes(content)


def _served(log: PartitionLog) -> dict[int, bytes | None]:
    """What a consumer gets who asks for each offset, and goes on where it is refused."""
    served: dict[int, bytes | None] = {}
    for offset in range(log.start_offset, log.end_offset):
        try:
            batches = list(iter_batches(log.read(offset, 500, log.end_offset)))
        except LogError:
            continue
        served.update((record.offset, record.value) for batch in batches for record in decode_batch(batch))
    return served
