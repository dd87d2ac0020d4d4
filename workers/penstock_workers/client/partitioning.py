"""Which partition a record goes to: by its key as Kafka's own clients decide, else by where it was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

from aiokafka.partitioner import murmur2

from penstock import Batch
from penstock.records import partition_key
from penstock_workers.client.record_batch import Columns


def by_partition(batch: Batch, partition_count: int) -> Mapping[int, Columns]:
    """The batch's records by partition, each in their order. `batch.partition`, where it is set, has the last word."""
    columns = Columns(batch.values, batch.keys, batch.timestamps, batch.headers)
    if batch.partition is not None:
        return {batch.partition: columns}
    unkeyed = partition_of(partition_key(batch.source_partition).encode(), partition_count)
    if batch.keys is None or partition_count == 1:
        return {unkeyed: columns}
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for index, key in enumerate(batch.keys):
        rows[unkeyed if key is None else partition_of(key, partition_count)].append(index)
    return {partition: columns.pick(indexes) for partition, indexes in rows.items()}


@lru_cache(maxsize=16384)
def partition_of(key: bytes, partition_count: int) -> int:
    """Kafka's default for records with a key; the cache spares the hash, in Python, for keys that come again."""
    return int(murmur2(key) & 0x7FFFFFFF) % partition_count
