"""The cluster metadata log on disk: events appended and fsynced, replayed at start from the newest snapshot.

The events of one decision are one record batch, so a crash leaves all of them or none. A snapshot is the whole state as
JSON beside the log, with the offset that it reaches up to; the log before it is deleted.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from penstock_log.controller.events import Event, decode_event, encode_event
from penstock_log.controller.state import ClusterState
from penstock_log.partition.partition import Partition
from penstock_log.partition.topic_config import TopicConfig
from penstock_log.storage.batch import iter_batches
from penstock_log.storage.durable import write_atomically
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher
from penstock_log.storage.records import Record, decode_batch, encode_batch

METADATA_TOPIC: Final = "__cluster_metadata"
# Kafka's own id of this topic (Uuid.METADATA_TOPIC_ID).
METADATA_TOPIC_ID: Final = UUID(int=1)
SNAPSHOT_EVERY_EVENTS: Final = 5_000
_READ_BYTES: Final = 1 << 20


class Snapshot(msgspec.Struct):
    """`next_offset` is that of the first event which `state` does not hold."""

    next_offset: int
    state: ClusterState


class MetadataLog:
    """Opened once by the controller, which is its only writer."""

    def __init__(self, data_dir: Path, files: OpenFiles, flusher: Flusher, now_ms: Callable[[], int]) -> None:
        directory = data_dir / f"{METADATA_TOPIC}-0"
        directory.mkdir(parents=True, exist_ok=True)
        self._snapshot_path = directory / "snapshot.json"
        self._now_ms = now_ms
        self._events_since_snapshot = 0
        self._partition = Partition.open(
            directory,
            topic=METADATA_TOPIC,
            topic_id=METADATA_TOPIC_ID,
            index=0,
            leader_epoch=0,
            config=TopicConfig(retention_ms=-1),
            files=files,
            flusher=flusher,
        )

    def load(self) -> ClusterState:
        """The state after all events that the log holds."""
        snapshot = self._read_snapshot()
        offset = snapshot.next_offset
        while records := self._partition.read(offset, _READ_BYTES).records:
            for batch in iter_batches(memoryview(records)):
                for record in decode_batch(batch):
                    # A read starts with the whole batch that contains the offset: what lies before it is known.
                    if record.offset >= offset and record.value is not None:
                        snapshot.state.apply(decode_event(record.value))
                        self._events_since_snapshot += 1
                offset = record.offset + 1
        return snapshot.state

    @property
    def end_offset(self) -> int:
        """The offset after the newest event that is on disk."""
        return self._partition.high_watermark

    async def append(self, events: Sequence[Event]) -> None:
        """Return once the events are on disk."""
        now_ms = self._now_ms()
        batch = encode_batch([Record(None, encode_event(event), now_ms) for event in events])
        result = self._partition.append(memoryview(batch), now_ms)
        await self._partition.wait_until_committed(result.next_offset)
        self._events_since_snapshot += len(events)

    def snapshot_if_due(self, state: ClusterState) -> None:
        """Write a snapshot of `state`, which must hold every event appended so far, and drop the log before it."""
        if self._events_since_snapshot < SNAPSHOT_EVERY_EVENTS:
            return
        next_offset = self.end_offset
        write_atomically(self._snapshot_path, msgspec.json.encode(Snapshot(next_offset, state)))
        self._partition.delete_records_before(next_offset)
        self._events_since_snapshot = 0

    def close(self) -> None:
        self._partition.close()

    def _read_snapshot(self) -> Snapshot:
        try:
            return msgspec.json.decode(self._snapshot_path.read_bytes(), type=Snapshot)
        except FileNotFoundError:
            return Snapshot(0, ClusterState())
