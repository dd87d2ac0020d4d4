"""Closing many partitions at once: each costs a few fsyncs, and those of many share the disk's own."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from penstock_log.partition.partition import Partition

__all__ = ["close_partitions"]

_THREADS: Final = 16
_AT_ONCE: Final = 64
"""Each holds a descriptor or more until it is closed."""


def close_partitions(partitions: Iterable[Partition]) -> None:
    """Return when all are closed."""
    rest = iter(partitions)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="close") as threads:
        while some := list(islice(rest, _AT_ONCE)):
            begun = [(partition, partition.begin_close()) for partition in some]
            running = [(partition, work, threads.submit(work.run)) for partition, work in begun if work is not None]
            for partition, work, future in running:
                partition.end_close(work, future.exception())
