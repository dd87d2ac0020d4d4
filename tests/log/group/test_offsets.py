"""Committed offsets: which commit counts, what transactions leave open, what expires when."""

from penstock_log.group.offsets import CommittedOffset, GroupOffsets, TopicPartition
from penstock_log.group.records import OffsetRecord, encode_offset
from penstock_log.group.replay import Replay

LINES = TopicPartition("lines", 0)
WORDS = TopicPartition("words", 0)
DAY_MS = 86_400_000


def committed(offset: int, at_ms: int = 0, log_offset: int = 0, expires_ms: int = -1) -> CommittedOffset:
    return CommittedOffset(
        offset=offset, commit_timestamp_ms=at_ms, log_offset=log_offset, expire_timestamp_ms=expires_ms
    )


def test_the_commit_that_is_later_in_the_log_counts_though_it_is_confirmed_first() -> None:
    offsets = GroupOffsets()
    offsets.commit(LINES, committed(20, log_offset=2))
    offsets.commit(LINES, committed(10, log_offset=1))
    assert offsets.get(LINES) == committed(20, log_offset=2)


def test_offsets_of_a_transaction_count_once_it_commits() -> None:
    offsets = GroupOffsets()
    offsets.commit(LINES, committed(10))
    offsets.commit_pending(7, LINES, committed(20))
    offsets.commit_pending(8, WORDS, committed(30))
    assert offsets.is_unstable(LINES)
    assert offsets.get(LINES) == committed(10)

    offsets.complete_transaction(7, committed=True)
    assert not offsets.is_unstable(LINES)
    assert offsets.get(LINES) == committed(20)
    offsets.complete_transaction(8, committed=False)
    assert offsets.get(WORDS) is None
    assert not offsets.has_open_transactions


class TestExpiry:
    def test_of_a_group_that_had_members_counts_from_when_it_became_empty(self) -> None:
        offsets = GroupOffsets()
        offsets.commit(LINES, committed(1, at_ms=0))
        assert offsets.expired(2 * DAY_MS, DAY_MS, empty_since_ms=DAY_MS + 1) == []
        assert offsets.expired(2 * DAY_MS, DAY_MS, empty_since_ms=DAY_MS) == [LINES]

    def test_of_one_that_never_had_counts_from_the_commit(self) -> None:
        offsets = GroupOffsets()
        offsets.commit(LINES, committed(1, at_ms=5))
        assert offsets.expired(DAY_MS, DAY_MS, empty_since_ms=None) == []
        assert offsets.expired(DAY_MS + 5, DAY_MS, empty_since_ms=None) == [LINES]

    def test_spares_what_members_subscribe_to_and_what_a_transaction_touches(self) -> None:
        offsets = GroupOffsets()
        offsets.commit(LINES, committed(1))
        offsets.commit(WORDS, committed(1))
        assert offsets.expired(DAY_MS, DAY_MS, None, subscribed_topics={"words"}) == [LINES]
        offsets.commit_pending(7, LINES, committed(2))
        assert offsets.expired(DAY_MS, DAY_MS, None, subscribed_topics={"words"}) == []

    def test_that_the_client_asked_for_goes_before_the_nodes(self) -> None:
        offsets = GroupOffsets()
        offsets.commit(LINES, committed(1, expires_ms=50))
        assert offsets.expired(49, DAY_MS, None) == []
        assert offsets.expired(50, DAY_MS, None) == [LINES]


def test_replay_gives_the_last_state_and_leaves_open_transactions_open() -> None:
    replay = Replay()
    replay.apply([encode_offset(OffsetRecord("g", LINES, committed(1)), 0)])
    replay.apply([encode_offset(OffsetRecord("g", LINES, committed(2)), 0)], transaction_of=7)
    replay.apply([encode_offset(OffsetRecord("g", WORDS, committed(3)), 0)], transaction_of=8)
    replay.end_transaction(7, committed=True)
    offsets = replay.groups["g"].offsets
    assert offsets.get(LINES) is not None
    assert [offsets.get(LINES).offset, offsets.is_unstable(WORDS)] == [2, True]  # type: ignore[union-attr]

    replay.apply([encode_offset(OffsetRecord("g", LINES, None), 0)])
    assert offsets.get(LINES) is None
