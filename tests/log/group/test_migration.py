"""A consumer group moves from one protocol to the other, member by member, as plays: no clock and no socket."""

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kio.schema.consumer_protocol_subscription.v1.data import ConsumerProtocolSubscription
from kio.schema.consumer_protocol_subscription.v1.data import TopicPartition as OwnedOfTopic
from kio.schema.types import TopicName
from kio.serial import entity_writer
from kio.static.primitive import i32

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group import classic_members
from penstock_log.group.actions import JoinReply, JoinRequest, SyncRequest
from penstock_log.group.classic import ClassicGroup
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import LEAVES, Heartbeat, Partitions
from penstock_log.group.consumer_protocol import read_assignment, read_subscription, write_assignment
from penstock_log.group.membership import Protocol, ReplyTo
from penstock_log.group.migration import downgraded, is_left_to_classic_members, upgraded
from penstock_log.group.offsets import TopicPartition
from penstock_log.group.rebalance import GroupState

from . import play
from .some_topics import SomeTopics

SESSION_MS = play.SESSION_MS
CONSUMER_SESSION_MS = 45_000
REBALANCE_MS = 5_000
OWNED_NOTHING_BYTES = 4
ALL = frozenset(TopicPartition("lines", index) for index in range(4))
_write_subscription = entity_writer(ConsumerProtocolSubscription)


def subscription(owned: Partitions = frozenset()) -> bytes:
    buffer = io.BytesIO()
    indexes = tuple(i32(each.partition) for each in sorted(owned))
    owned_of_topic = (OwnedOfTopic(topic=TopicName("lines"), partitions=indexes),) if owned else ()
    topics = (TopicName("lines"),)
    _write_subscription(buffer, ConsumerProtocolSubscription(topics=topics, owned_partitions=owned_of_topic))
    return b"\0\1" + buffer.getvalue()


def join_request(name: str, member_id: str, owned: Partitions = frozenset(), **changes: Any) -> JoinRequest:
    protocol = Protocol("cooperative-sticky", subscription(owned))
    return play.join_request(name, member_id, protocol, **{"rebalance_timeout_ms": REBALANCE_MS} | changes)


class ClassicClient:
    """A consumer of the classic protocol, in a group of KIP-848: cooperative, so it revokes before it joins again."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.stage, self.name = stage, name
        self.member_id = ""
        self.generation = -1
        self.owned: Partitions = frozenset()

    def step(self) -> None:
        """One heartbeat, and what follows from its answer."""
        group, now_ms = self.stage.group, self.stage.now_ms
        code = classic_members.heartbeat(group, self.member_id, None, self.generation, now_ms)
        if code is ErrorCode.rebalance_in_progress:
            self.join()

    def join(self) -> None:
        request = join_request(self.name, self.member_id, self.owned)
        joined = classic_members.join(self.stage.group, request, self.stage.topics, self.stage.now_ms)
        self.member_id, self.generation = joined.member_id, joined.generation_id
        sync = SyncRequest(
            member_id=self.member_id,
            group_instance_id=None,
            generation_id=self.generation,
            protocol_type="consumer",
            protocol_name="cooperative-sticky",
            assignments={},
        )
        assigned = read_assignment(classic_members.sync(self.stage.group, sync, self.stage.now_ms).assignment)
        assert assigned is not None
        revoked = self.owned - assigned
        self.owned = assigned
        if revoked:
            self.join()

    def leave(self) -> None:
        classic_members.leave(self.stage.group, self.member_id, None)

    def reset(self) -> None:
        """As clients do that are unknown or behind: everything is given up."""
        self.owned, self.generation = frozenset(), -1


class NewClient:
    """A consumer of KIP-848."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.stage, self.name = stage, name
        self.epoch = 0
        self.owned: Partitions = frozenset()

    def step(self, **changes: Any) -> None:
        said: dict[str, Any] = {
            "member_id": self.name,
            "member_epoch": self.epoch,
            "rebalance_timeout_ms": REBALANCE_MS,
            "subscribed_topics": frozenset({"lines"}),
            "owned": self.owned,
        }
        reply = self.stage.group.heartbeat(Heartbeat(**said | changes), self.stage.topics, self.stage.now_ms)
        self.epoch = max(reply.member_epoch, 0)
        self.owned = self.owned if reply.assignment is None else reply.assignment

    join = step

    def leave(self) -> None:
        self.step(member_epoch=LEAVES)

    def reset(self) -> None:
        self.owned, self.epoch = frozenset(), 0


class Stage:
    def __init__(self, group: ConsumerGroup) -> None:
        self.now_ms = 1_000
        self.topics = SomeTopics()
        self.group = group

    def settle(self, *clients: ClassicClient | NewClient) -> None:
        for _ in range(6):
            for client in clients:
                client.step()
        assert self.group.state == "Stable"

    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        self.group.expire(self.now_ms)


def classic_group(protocol_type: str = "consumer", generations: int = 3) -> ClassicGroup:
    """With one member, `ann`, that has all partitions."""
    group = ClassicGroup("troupe", now_ms=0)
    for _ in range(generations):
        (reply,) = group.join(join_request("ann", "", protocol_type=protocol_type), ReplyTo(1), 0)
        assert isinstance(reply, JoinReply)
        sync = SyncRequest(
            member_id=reply.member_id,
            group_instance_id=None,
            generation_id=reply.generation_id,
            protocol_type=protocol_type,
            protocol_name="cooperative-sticky",
            assignments={reply.member_id: write_assignment(ALL, subscription())},
        )
        group.sync(sync, ReplyTo(2), 0)
        group.stored(0)
        if group.generation_id < generations:
            group.leave(reply.member_id, None, 0)
            group.stored(0)
    assert group.state is GroupState.STABLE
    return group


@pytest.fixture
def stage() -> Stage:
    return Stage(upgraded(classic_group(generations=1), CONSUMER_SESSION_MS, now_ms=1_000))


@pytest.fixture
def ann(stage: Stage) -> ClassicClient:
    """The member that the classic group had."""
    client = ClassicClient(stage, "ann")
    client.member_id, client.generation, client.owned = "ann-new", 1, ALL
    return client


def refused(code: ErrorCode) -> Any:
    return pytest.raises(LogError, match=f"^{code.name}:")


def test_a_classic_group_is_taken_over_with_what_its_members_have(stage: Stage, ann: ClassicClient) -> None:
    assert stage.group.epoch == 1
    ann.step()
    assert (ann.generation, ann.owned) == (1, ALL), "and nobody noticed"
    bob = NewClient(stage, "bob")
    bob.join()
    assert bob.owned == frozenset(), "ann has them all still"
    stage.settle(ann, bob)
    assert (len(ann.owned), len(bob.owned), ann.owned | bob.owned) == (2, 2, ALL)
    assert ann.generation == bob.epoch == 2


def test_more_members_of_both_protocols_can_come(stage: Stage, ann: ClassicClient) -> None:
    bob, cleo = NewClient(stage, "bob"), ClassicClient(stage, "cleo")
    bob.join()
    cleo.join()
    stage.settle(ann, bob, cleo)
    assert sorted(partition for each in (ann, bob, cleo) for partition in each.owned) == sorted(ALL)
    assert min(len(each.owned) for each in (ann, bob, cleo)) == 1


def test_those_that_stay_are_a_classic_group_again(stage: Stage, ann: ClassicClient) -> None:
    bob = NewClient(stage, "bob")
    bob.join()
    stage.settle(ann, bob)
    assert not is_left_to_classic_members(stage.group)
    bob.leave()
    assert is_left_to_classic_members(stage.group)
    classic = ClassicGroup.restore("troupe", downgraded(stage.group, stage.now_ms), stage.now_ms)
    (member,) = classic.members
    assert read_assignment(member.assignment) == ann.owned
    classic.rebalance(stage.now_ms)
    assert classic.state is GroupState.PREPARING_REBALANCE
    (joined,) = classic.join(join_request("ann", ann.member_id, ann.owned), ReplyTo(1), stage.now_ms)
    assert isinstance(joined, JoinReply)
    assert (joined.generation_id, joined.leader_id) == (4, ann.member_id)


def test_who_waits_in_the_classic_group_is_told_to_come_again() -> None:
    classic = classic_group()
    assert classic.join(join_request("bob", ""), ReplyTo(7), 0) == []
    group = upgraded(classic, CONSUMER_SESSION_MS, now_ms=0)
    (reply,) = classic.hand_over()
    assert isinstance(reply, JoinReply)
    assert (reply.reply_to, reply.error_code) == (ReplyTo(7), ErrorCode.rebalance_in_progress)
    assert set(group.members) == {"ann-new", "bob-new"}


def test_only_groups_of_consumers_can_move() -> None:
    with refused(ErrorCode.group_id_not_found):
        upgraded(classic_group(protocol_type="connect"), CONSUMER_SESSION_MS, now_ms=0)


def test_a_member_that_does_not_join_again_in_time_is_out(stage: Stage, ann: ClassicClient) -> None:
    bob = NewClient(stage, "bob")
    bob.join()
    code = classic_members.heartbeat(stage.group, ann.member_id, None, ann.generation, stage.now_ms)
    assert code is ErrorCode.rebalance_in_progress
    stage.wait(REBALANCE_MS)
    bob.step()
    assert bob.owned == ALL
    with refused(ErrorCode.unknown_member_id):
        ann.step()


def test_a_member_that_does_not_ask_for_its_assignment_is_out(stage: Stage, ann: ClassicClient) -> None:
    request = join_request("ann", ann.member_id, ann.owned)
    classic_members.join(stage.group, request, stage.topics, stage.now_ms)
    stage.wait(REBALANCE_MS)
    assert not stage.group.members


def test_classic_members_keep_their_own_session_timeout(stage: Stage, ann: ClassicClient) -> None:
    stage.wait(SESSION_MS - 1)
    ann.step()
    stage.wait(SESSION_MS - 1)
    assert stage.group.members
    stage.wait(1)
    assert not stage.group.members


def test_a_static_member_moves_with_what_it_has(stage: Stage, ann: ClassicClient) -> None:
    """Its instance is started again with the newer protocol; the older process is fenced."""
    dan = join_request("dan", "", group_instance_id="dan")
    classic_members.join(stage.group, dan, stage.topics, stage.now_ms)
    newer = NewClient(stage, "dan-2")
    newer.step(instance_id="dan")
    stage.settle(ann, newer)
    assert ann.owned | newer.owned == ALL
    with refused(ErrorCode.fenced_instance_id):
        classic_members.heartbeat(stage.group, "dan-new", "dan", 2, stage.now_ms)


def test_a_static_member_of_the_classic_protocol_comes_back_to_its_place(stage: Stage, ann: ClassicClient) -> None:
    bob = NewClient(stage, "bob")
    bob.join()
    stage.settle(ann, bob)
    stage.group.members[ann.member_id].instance_id = "ann"
    back = join_request("ann", "", new_member_id="ann-2", group_instance_id="ann")
    joined = classic_members.join(stage.group, back, stage.topics, stage.now_ms)
    assert (joined.member_id, joined.generation_id) == ("ann-2", ann.generation)
    assert stage.group.members["ann-2"].assigned == ann.owned
    with refused(ErrorCode.fenced_instance_id):
        stale = join_request("ann", ann.member_id, group_instance_id="ann")
        classic_members.join(stage.group, stale, stage.topics, stage.now_ms)


def test_what_is_refused(stage: Stage, ann: ClassicClient) -> None:
    bob = NewClient(stage, "bob")
    bob.join()
    with refused(ErrorCode.illegal_generation):
        classic_members.heartbeat(stage.group, ann.member_id, None, 7, stage.now_ms)
    with refused(ErrorCode.unknown_member_id):
        classic_members.heartbeat(stage.group, "bob", None, bob.epoch, stage.now_ms)
    with refused(ErrorCode.unknown_member_id):
        classic_members.leave(stage.group, "nobody", None)
    with refused(ErrorCode.illegal_generation):
        stage.group.check_member(ann.member_id, 7)
    for changes in ({"protocol_type": "connect"}, {"protocols": (Protocol("range", subscription()),)}):
        with refused(ErrorCode.inconsistent_group_protocol):
            classic_members.join(stage.group, join_request("eve", "", **changes), stage.topics, stage.now_ms)
    malformed = join_request("eve", "", protocols=(Protocol("cooperative-sticky", b"\0"),))
    with refused(ErrorCode.inconsistent_group_protocol):
        classic_members.join(stage.group, malformed, stage.topics, stage.now_ms)
    assert set(stage.group.members) == {ann.member_id, "bob"}


def test_a_newcomer_is_told_its_id_first(stage: Stage) -> None:
    request = join_request("cleo", "", requires_known_member_id=True)
    told = classic_members.join(stage.group, request, stage.topics, stage.now_ms)
    assert (told.error_code, told.member_id) == (ErrorCode.member_id_required, "cleo-new")
    assert "cleo-new" not in stage.group.members


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_subscriptions_of_every_version_are_read(version: int) -> None:
    before = subscription()[:-OWNED_NOTHING_BYTES]
    later = [b"", subscription(ALL)[len(before) :], b"\0\0\0\5", b"\0\4rack"]
    read = read_subscription(bytes([0, version]) + before[2:] + b"".join(later[: version + 1]))
    assert read is not None
    assert read.topics == {"lines"}
    assert read.owned == (ALL if version else frozenset())


names = st.sampled_from(["ann", "bob", "cleo", "NEW-dan", "NEW-eve"])
happenings = st.lists(
    st.tuples(names, st.sampled_from(["step", "step", "leave", "crash", "wait", "grow"])), max_size=60
)


@settings(max_examples=200)
@given(happenings)
def test_no_partition_has_two_owners_and_all_have_one_in_the_end(happenings: list[tuple[str, str]]) -> None:
    stage = Stage(ConsumerGroup("troupe", CONSUMER_SESSION_MS))
    clients: dict[str, ClassicClient | NewClient] = {}
    for name, what in happenings:
        client = clients.get(name)
        match what:
            case "wait":
                stage.wait(REBALANCE_MS)
            case "grow":
                stage.topics.counts["lines"] += 1
            case _ if client is None:
                clients[name] = newcomer = (
                    NewClient(stage, name) if name.startswith("NEW") else (ClassicClient(stage, name))
                )
                newcomer.join()
            case "crash":  # its process is gone, and so is all that it owned
                client.reset()
                _attempt(client)
            case "leave":
                _attempt(client, leave=True)
                del clients[name]
            case _:
                _attempt(client)
        holders = [partition for member in stage.group.members.values() for partition in member.holds]
        assert len(holders) == len(set(holders))
    for _ in range(3):
        stage.wait(SESSION_MS // 2)
        for client in clients.values():
            _attempt(client)
    stage.wait(CONSUMER_SESSION_MS - SESSION_MS)
    for _ in range(10):
        for client in clients.values():
            _attempt(client)
    if clients:
        owners = sorted(partition.partition for each in clients.values() for partition in each.owned)
        assert owners == list(range(stage.topics.counts["lines"]))


def _attempt(client: ClassicClient | NewClient, leave: bool = False) -> None:
    try:
        client.leave() if leave else client.step()
    except LogError:
        client.reset()
        if not leave:
            client.join()
