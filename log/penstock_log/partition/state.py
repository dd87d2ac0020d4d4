"""PartitionState: who replicates a partition, how far each replica is, and so how far the high watermark may move.

Pure: no I/O, no clock. The rules are Kafka's with KIP-966's strict minimum: the high watermark is the least end offset
of the in-sync replicas, it never falls, and it stands still while fewer than min.insync.replicas are in sync. An end
offset counts here only once it is durable on its replica.
"""

from dataclasses import dataclass, field

from penstock_log.errors import ErrorCode, LogError

__all__ = ["PartitionState"]


@dataclass(slots=True)
class PartitionState:
    """One leader's view. The controller decides leader, epoch and in-sync set; replicas report their end offsets."""

    leader_epoch: int
    replicas: frozenset[int]
    in_sync_replicas: frozenset[int]
    min_in_sync_replicas: int = 1
    high_watermark: int = 0
    end_offsets: dict[int, int] = field(default_factory=dict)

    def report_end_offset(self, replica: int, end_offset: int) -> bool:
        """A replica has all before `end_offset` on disk. Whether the high watermark moved."""
        if replica not in self.replicas:
            return False
        self.end_offsets[replica] = end_offset
        return self._advance()

    def change_leader(
        self, leader_epoch: int, replicas: frozenset[int], in_sync_replicas: frozenset[int], leader: int
    ) -> bool:
        """A new epoch: what followers reported to the old leader is forgotten. Whether the high watermark moved."""
        if leader_epoch < self.leader_epoch:
            raise LogError(
                ErrorCode.fenced_leader_epoch,
                f"leader epoch {leader_epoch} is older than the partition's, {self.leader_epoch}",
            )
        own_end_offset = self.end_offsets.get(leader)
        self.leader_epoch, self.replicas, self.in_sync_replicas = leader_epoch, replicas, in_sync_replicas
        self.end_offsets = {} if own_end_offset is None else {leader: own_end_offset}
        return self._advance()

    def change_in_sync_replicas(self, in_sync_replicas: frozenset[int]) -> bool:
        """The controller has committed another in-sync set. Whether the high watermark moved."""
        self.in_sync_replicas = in_sync_replicas
        return self._advance()

    def change_min_in_sync_replicas(self, minimum: int) -> bool:
        self.min_in_sync_replicas = minimum
        return self._advance()

    def check_enough_replicas(self) -> None:
        """`LogError` where a produce with acks=all must be refused because too few replicas are in sync."""
        if len(self.in_sync_replicas) < self._needed_in_sync_replicas:
            raise LogError(
                ErrorCode.not_enough_replicas,
                f"{len(self.in_sync_replicas)} replicas are in sync, min.insync.replicas is "
                f"{self.min_in_sync_replicas}; writes with acks=all go on once more are",
            )

    @property
    def _needed_in_sync_replicas(self) -> int:
        """Kafka's effective minimum: a partition cannot need more replicas in sync than it has."""
        return min(self.min_in_sync_replicas, len(self.replicas))

    def _advance(self) -> bool:
        if len(self.in_sync_replicas) < self._needed_in_sync_replicas:
            return False
        committed = min((self.end_offsets.get(replica, 0) for replica in self.in_sync_replicas), default=0)
        if committed <= self.high_watermark:
            return False
        self.high_watermark = committed
        return True
