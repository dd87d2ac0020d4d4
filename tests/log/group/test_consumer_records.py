"""The records of KIP-848 groups: what Apache Kafka 4 wrote is understood, and what we write is read again."""

from uuid import UUID

from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import ClassicSide, ConsumerMember, Heartbeat
from penstock_log.group.consumer_records import encode, group_of, restore
from penstock_log.group.membership import Protocol
from penstock_log.group.offsets import TopicPartition

from .some_topics import SomeTopics

LINES_ID = UUID(bytes=b"&\xbc\n\x03j?O\xa8\x81\xa5m\xf4\xe3\xc1j\xb7")
MEMBER = b"\x00\x04g848\x00\x03ann"
KAFKA_RECORDS = {
    b"\x00\x05" + MEMBER: b"\x00\x00\x00\x00\x03me\x0b/127.0.0.1\x02\x06lines\x01\x00\x04\x93\xe0\x00\x00",
    b"\x00\x03\x00\x04g848": b"\x00\x00\x00\x00\x00\x02\x00",
    b"\x00\x07" + MEMBER: b"\x00\x00\x02" + LINES_ID.bytes + b"\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00",
    b"\x00\x06\x00\x04g848": b"\x00\x00\x00\x00\x00\x02\x00",
    b"\x00\x08" + MEMBER: b"\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x02"
    + LINES_ID.bytes
    + b"\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00",
}
"""As Apache Kafka 4.3 left them in `__consumer_offsets`, with shorter names, and without the tagged fields that are
younger than 4.0."""
BOTH = frozenset({TopicPartition("lines", 0), TopicPartition("lines", 1)})


class Topics(SomeTopics):
    def topic_id(self, name: str) -> UUID | None:
        return LINES_ID if name == "lines" else None


TOPICS = Topics({"lines": 2})


def test_a_group_that_kafka_stored_is_understood() -> None:
    assert {group_of(key) for key in KAFKA_RECORDS} == {"g848"}
    group = restore("g848", KAFKA_RECORDS, 45_000, TOPICS, now_ms=5)
    ann = group.members["ann"]
    assert (group.epoch, group.assignment_epoch, group.state) == (2, 2, "Stable")
    assert (ann.epoch, ann.assigned, group.target["ann"]) == (2, BOTH, BOTH)
    assert (ann.client_id, ann.client_host, list(ann.subscribed_topics)) == ("me", "/127.0.0.1", ["lines"])
    assert group.next_deadline_ms() == 45_005


def test_it_is_written_under_the_same_keys_and_read_again() -> None:
    group = restore("g848", KAFKA_RECORDS, 45_000, TOPICS, now_ms=5)
    written = encode(group, TOPICS)
    assert written.keys() == KAFKA_RECORDS.keys()
    again = restore("g848", written, 45_000, TOPICS, now_ms=5)
    assert (again.members, again.target, again.epoch) == (group.members, group.target, group.epoch)


def test_a_member_that_is_known_from_the_log_goes_on_as_if_nothing_had_happened() -> None:
    group = restore("g848", KAFKA_RECORDS, 45_000, TOPICS, now_ms=5)
    reply = group.heartbeat(Heartbeat(member_id="ann", member_epoch=2), TOPICS, now_ms=6)
    assert (reply.member_epoch, reply.assignment, group.changed) == (2, None, True), "client and host are new"
    group.changed = False
    group.heartbeat(Heartbeat(member_id="ann", member_epoch=2), TOPICS, now_ms=7)
    assert not group.changed, "and an ordinary heartbeat writes nothing"


def test_what_is_special_about_a_member_is_stored_as_kafka_stores_it() -> None:
    """A member by pattern, of the classic protocol; the bytes are those of Kafka's ConsumerGroupMemberMetadataValue."""
    group = ConsumerGroup("g848", 45_000)
    group.epoch = 1
    group.members["ann"] = ConsumerMember(
        member_id="ann",
        instance_id=None,
        rack_id=None,
        client_id="c",
        client_host="/h",
        rebalance_timeout_ms=5,
        subscribed_topics=frozenset({"t"}),
        topic_pattern="a.*",
        classic=ClassicSide(session_timeout_ms=7, protocols=(Protocol("range", b"\1\2\3"),)),
    )
    written = encode(group, TOPICS)
    assert written[b"\x00\x05" + MEMBER].hex() == (
        "000000000263032f6802027404612e2a00000005000100120100000007020672616e6765040102030000"
    )
    again = restore("g848", written, 45_000, TOPICS, now_ms=5).members["ann"]
    assert (again.topic_pattern, again.classic) == ("a.*", group.members["ann"].classic)
    assert again.session_deadline_ms == 12, "its own session timeout"


def test_partitions_of_a_topic_that_is_gone_are_left_out() -> None:
    group = ConsumerGroup("g", 45_000)
    joins = Heartbeat(
        member_id="ann",
        member_epoch=0,
        rebalance_timeout_ms=1,
        subscribed_topics=frozenset({"lines", "gone"}),
        owned=frozenset(),
    )
    group.heartbeat(joins, SomeTopics({"lines": 2, "gone": 2}), now_ms=0)
    again = restore("g", encode(group, TOPICS), 45_000, TOPICS, now_ms=0)
    assert again.members["ann"].assigned == BOTH
