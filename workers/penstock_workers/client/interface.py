"""The one interface between delivery and the Kafka client behind it.

It is this small so that the client can be chosen, and later exchanged, by measurement.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from penstock import Batch, TopicPartition
from penstock_workers.sink_topics import SinkTopics


class Producer(Protocol):
    """Idempotent, acks=all. Batches of one partition arrive in the order of `send`, none twice by a retry.

    It outlives a log that goes away and comes back within the delivery timeout. After its first failure it takes
    nothing more: a batch behind a lost one must not be stored. Close it then, make another, and send again what was
    not acknowledged.
    """

    async def start(self) -> None:
        """Connect. Raises ConnectionLost when the log cannot be reached within the client's timeout.

        With a transactional id: fence the producer that had it before, whose open transaction is aborted, or committed
        if that was decided, when this returns. Raises Failed (`no-transactions`) where the log has none.
        """

    async def send(self, batch: Batch) -> Future[None]:
        """Take a batch, as soon as there is room: waiting here is the back-pressure.

        The future is done when every record of the batch, and of all batches sent before it, is acknowledged. It
        fails with RetryLater (not known to be stored) or Failed (never will be: too large, no such partition, not
        allowed), and so does this call once a batch has failed. An empty batch is acknowledged as soon as those
        before it are. `batch.partition` None: by hash of the record's key (murmur2, as Kafka's clients do), and
        records without keys by hash of the batch's source partition, so that what is read from one place keeps its
        order.
        """

    async def record_batch_max_bytes(self, topic: str, *, anew: bool = False) -> int:
        """What the topic takes, as encoded; `send` makes record batches to fit, but a record is never divided. `anew`:
        ask the log again."""

    def commit(self) -> Future[None]:
        """What was sent before this call is committed, as one, when the future is done; what is sent after it belongs
        to the next transaction, which begins by itself. One at a time.

        It fails as deliveries do, and then it is open whether the transaction was committed: only a successor with the
        same transactional id knows. It is never asked for twice, for a request that comes late would commit a part of
        the next transaction.
        """

    async def close(self) -> None:
        """Wait for what was sent, then disconnect. After a failure: disconnect. What is not committed is aborted."""


class Consumer(Protocol):
    """A member of a consumer group whose offsets are committed only by `commit`.

    It has a name in the group: the next member of that name takes its place, and its partitions, at once, which is
    how a task that was killed goes on without waiting for the end of its session. A member whose place was taken, or
    whose session ended because it was frozen, is fenced: what it commits is refused, and `next_batches` raises
    RetryLater (`member-fenced`). It never joins again by itself, for then it would take the place of its successor.
    """

    async def start(
        self,
        topics: SinkTopics,
        *,
        assigned: Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]],
        revoked: Callable[[Sequence[TopicPartition]], Awaitable[None]],
    ) -> None:
        """Connect and begin to join the group. Raises ConnectionLost when the log cannot be reached.

        `assigned` is told all partitions that are this member's from now on, and answers where to resume those whose
        offset the sink keeps itself; the others resume where the group committed, or at the beginning, and so does one
        whose answer is what was `kept` at that commit. `revoked` is
        awaited before partitions are given up, and may still commit. Both run inside `next_batches` and nowhere
        else; what they raise, it raises. A topic that does not exist yet is read once it does,
        and so is one that matches later.
        """

    async def next_batches(self, timeout_seconds: float) -> list[Batch]:
        """What has arrived, in order, each batch of one partition with its offsets; empty after the timeout.

        Call it again within a minute: a rebalance of the group waits no longer for a member that is busy. Raises
        Failed for what reading on cannot cure: a damaged record batch, a lacking permission.
        """

    async def idle(self, until: Future[Any]) -> bool:
        """Remain a member without reading, until that is done. True, and at once, when partitions have come or gone:
        what was not written of earlier batches comes again, here or to another member."""

    @property
    def records_lag(self) -> int:
        """How many records of its partitions `next_batches` has yet to bring, as the log last told."""

    async def commit(self, offsets: Mapping[TopicPartition, int], kept: Mapping[TopicPartition, int]) -> None:
        """Store the next offset of each partition for the group. Raises RetryLater when the group has moved on.

        `kept`: what a sink that keeps offsets itself would answer to `assigned` now. As long as it answers that, it has
        neither lost nor gained anything, and what was put aside behind it need not come again.
        """

    async def close(self) -> None:
        """Leave the group, so that others have its partitions at once. Commits nothing and calls neither `assigned` nor
        `revoked`. Also after a start that failed."""
