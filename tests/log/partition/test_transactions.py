"""Transactions as a partition sees them: what a reader of committed records gets, and when."""

from hypothesis import given
from hypothesis import strategies as st

from penstock_log.partition.producers import ProducerStates
from penstock_log.partition.transactions import TransactionOutcomes
from penstock_log.storage.batch import BatchHeader

TRANSACTIONAL, CONTROL = 0x10, 0x20


class Log:
    """Batches of one record each, with states and outcomes as a leader keeps them, and what should come of them."""

    def __init__(self) -> None:
        self.producers, self.outcomes = ProducerStates(), TransactionOutcomes()
        self.owners: list[int | None] = []
        """By offset: the producer of the record; None for a marker."""
        self.decided: dict[int, tuple[bool, int]] = {}
        """By offset: whether the record counts, and where its marker is."""

    def write(self, producer: int) -> None:
        offset = len(self.owners)
        self.producers.record(_header(producer, TRANSACTIONAL), offset, 0)
        self.owners.append(producer)

    def end(self, producer: int, committed: bool) -> None:
        offset = len(self.owners)
        began = self.producers.record(_header(producer, TRANSACTIONAL | CONTROL), offset, 0)
        if began is not None:
            self.outcomes.end(producer, began, offset, committed=committed)
            for each in range(began, offset):
                if self.owners[each] == producer and each not in self.decided:
                    self.decided[each] = (committed, offset)
        self.owners.append(None)

    def last_stable_offset(self, high_watermark: int) -> int:
        candidates = (self.producers.first_unstable_offset(), self.outcomes.first_unstable_offset(high_watermark))
        return min([high_watermark, *(offset for offset in candidates if offset is not None)])

    def read_committed(self, offset: int, end_offset: int) -> list[int]:
        """As a client does it: a producer's records are skipped from where one of its aborted transactions begins to
        the next marker of its."""
        aborted = sorted(self.outcomes.aborted_between(offset, end_offset), key=lambda each: each.first_offset)
        skipping: dict[int, int] = {}
        read = []
        for each in range(offset, end_offset):
            skipping |= {entry.producer_id: entry.marker_offset for entry in aborted if entry.first_offset <= each}
            owner = self.owners[each]
            if owner is not None and each >= skipping.get(owner, -1):
                read.append(each)
            aborted = [entry for entry in aborted if entry.first_offset > each]
        return read


def _header(producer: int, attributes: int) -> BatchHeader:
    return BatchHeader(0, 100, -1, 2, 0, attributes, 0, 0, 0, producer, 0, -1, 1)


steps = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["write", "write", "commit", "abort"])), max_size=40)


@given(steps, st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_a_reader_gets_what_was_committed_and_stops_before_what_is_open(
    steps: list[tuple[int, str]], start: int, covered: int, restarted: bool
) -> None:
    log = Log()
    for producer, step in steps:
        if step == "write":
            log.write(producer)
        else:
            log.end(producer, committed=step == "commit")
    end_offset = len(log.owners)
    if restarted:  # everything that is in the log at a restart is committed
        log.outcomes = TransactionOutcomes.from_snapshot(log.outcomes.to_snapshot())
    high_watermark = end_offset if restarted else min(covered, end_offset)
    last_stable_offset = log.last_stable_offset(high_watermark)

    undecided = [
        offset
        for offset, owner in enumerate(log.owners)
        if owner is not None and log.decided.get(offset, (False, end_offset))[1] >= high_watermark
    ]
    assert last_stable_offset == min([high_watermark, *undecided])
    start = min(start, last_stable_offset)
    committed = [offset for offset in range(start, last_stable_offset) if log.decided.get(offset, (False, 0))[0]]
    assert log.read_committed(start, last_stable_offset) == committed


def test_aborted_transactions_go_with_the_records_that_they_concern() -> None:
    log = Log()
    for _ in range(2):
        log.write(1)
        log.end(1, committed=False)
    log.outcomes.forget_before(2)
    assert [aborted.first_offset for aborted in log.outcomes.aborted_between(0, 10)] == [2]
