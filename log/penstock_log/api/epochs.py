"""The check of a client's leader epoch (KIP-320), which the APIs that read partitions share."""

from penstock_log.errors import ErrorCode, LogError
from penstock_log.partition.partition import Partition


def check_leader_epoch(partition: Partition, current_leader_epoch: int) -> None:
    """Raises LogError where the client knows another leader epoch than ours; -1 means that it does not check."""
    if current_leader_epoch in (-1, partition.leader_epoch):
        return
    if current_leader_epoch < partition.leader_epoch:
        raise LogError(
            ErrorCode.fenced_leader_epoch,
            f"The client's leader epoch {current_leader_epoch} is older than {partition.leader_epoch}.",
        )
    raise LogError(
        ErrorCode.unknown_leader_epoch,
        f"The client's leader epoch {current_leader_epoch} is newer than {partition.leader_epoch}.",
    )
