"""Consumer groups of KIP-848: members that follow the group's assignment, each at its own pace."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.assignors import ASSIGNORS
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import LEAVES, LEAVES_FOR_NOW, Heartbeat, HeartbeatReply
from penstock_log.group.offsets import TopicPartition

from .some_topics import SomeTopics

SESSION_MS = 45_000
REBALANCE_MS = 5_000


class Client:
    """A consumer: gives up what it is told to, at its next heartbeat."""

    def __init__(self, stage: "Stage", name: str, instance_id: str | None = None, *topics: str) -> None:
        self.stage, self.name, self.instance_id = stage, name, instance_id
        self.topics = frozenset(topics or ("lines",))
        self.epoch = 0
        self.owned: frozenset[TopicPartition] = frozenset()

    def heartbeat(self, **changes: Any) -> HeartbeatReply:
        said: dict[str, Any] = {
            "member_id": self.name,
            "member_epoch": self.epoch,
            "instance_id": self.instance_id,
            "rebalance_timeout_ms": REBALANCE_MS,
            "subscribed_topics": self.topics,
            "owned": self.owned,
        }
        request = Heartbeat(**said | changes)
        reply = self.stage.group.heartbeat(request, self.stage.topics, self.stage.now_ms)
        self.epoch = max(reply.member_epoch, 0)
        if reply.assignment is not None:
            self.owned = reply.assignment
        return reply

    @property
    def numbers(self) -> list[int]:
        return sorted(partition.partition for partition in self.owned)


class Stage:
    def __init__(self) -> None:
        self.now_ms = 0
        self.topics = SomeTopics()
        self.group = ConsumerGroup("troupe", SESSION_MS)

    def join(self, name: str, instance_id: str | None = None) -> Client:
        client = Client(self, name, instance_id)
        client.heartbeat()
        return client

    def settle(self, *clients: Client) -> None:
        for _ in range(4):
            for client in clients:
                client.heartbeat()
        assert self.group.state == "Stable"

    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        deadline = self.group.next_deadline_ms()
        if deadline is not None and deadline <= self.now_ms:
            self.group.expire(self.now_ms)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def refused(code: ErrorCode) -> Any:
    return pytest.raises(LogError, match=f"^{code.name}:")


def test_the_first_member_has_it_all_at_once(stage: Stage) -> None:
    ann = stage.join("ann")
    assert (ann.numbers, ann.epoch, stage.group.state) == ([0, 1, 2, 3], 1, "Stable")


def test_what_a_newcomer_is_to_have_comes_once_the_others_have_given_it_up(stage: Stage) -> None:
    ann = stage.join("ann")
    bob = stage.join("bob")
    assert bob.numbers == []
    kept = ann.heartbeat().assignment
    assert kept is not None
    assert len(kept) == 2
    assert ann.epoch == 1, "not in the new epoch before it has revoked"
    bob.heartbeat()
    assert bob.numbers == [], "ann has not said yet that she has"
    ann.heartbeat()
    bob.heartbeat()
    assert sorted(ann.numbers + bob.numbers) == [0, 1, 2, 3]
    assert ann.epoch == bob.epoch == 2


def test_a_member_that_leaves_leaves_its_partitions_to_the_others(stage: Stage) -> None:
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.settle(ann, bob)
    bob.heartbeat(member_epoch=LEAVES)
    ann.heartbeat()
    assert ann.numbers == [0, 1, 2, 3]
    with refused(ErrorCode.unknown_member_id):
        bob.heartbeat(member_epoch=2)


def test_a_silent_member_is_out_after_its_session(stage: Stage) -> None:
    ann, bob = stage.join("ann"), stage.join("bob")
    stage.settle(ann, bob)
    stage.wait(SESSION_MS - 1)
    ann.heartbeat()
    stage.wait(1)
    ann.heartbeat()
    assert ann.numbers == [0, 1, 2, 3]


def test_a_member_that_does_not_revoke_in_time_is_out(stage: Stage) -> None:
    ann, bob = stage.join("ann"), stage.join("bob")
    held = ann.owned
    ann.heartbeat()
    ann.heartbeat(owned=held)
    stage.wait(REBALANCE_MS)
    bob.heartbeat()
    assert bob.numbers == [0, 1, 2, 3]
    with refused(ErrorCode.unknown_member_id):
        ann.heartbeat()


def test_epochs_tell_who_is_behind(stage: Stage) -> None:
    ann = stage.join("ann")
    with refused(ErrorCode.fenced_member_epoch):
        ann.heartbeat(member_epoch=7)
    ann.epoch = 0
    ann.heartbeat(owned=frozenset())
    assert ann.numbers == [0, 1, 2, 3], "it lost everything and joins anew under its id"


def test_an_answer_that_was_lost_is_given_again(stage: Stage) -> None:
    ann, bob = stage.join("ann"), stage.join("bob")
    ann.heartbeat()
    ann.heartbeat()
    assert ann.epoch == 2
    assert ann.heartbeat(member_epoch=1).member_epoch == 2
    del bob


def test_a_pattern_subscribes_to_what_it_matches_now_and_later(stage: Stage) -> None:
    stage.topics.counts |= {"logs-a": 1, "logs-b": 1}
    ann = Client(stage, "ann")
    ann.heartbeat(subscribed_topics=None, topic_pattern="logs-.*")
    assert {each.topic for each in ann.owned} == {"logs-a", "logs-b"}
    stage.topics.counts["logs-c"] = 1
    ann.heartbeat(subscribed_topics=None)
    assert {each.topic for each in ann.owned} == {"logs-a", "logs-b", "logs-c"}
    ann.heartbeat(topic_pattern="logs-b")
    ann.heartbeat(subscribed_topics=None)
    assert {each.topic for each in ann.owned} == {"logs-b", "lines"}, "names and a pattern"
    ann.heartbeat(subscribed_topics=frozenset(), topic_pattern="")
    ann.heartbeat(subscribed_topics=None)
    assert ann.owned == frozenset()


def test_a_new_partition_finds_its_member(stage: Stage) -> None:
    ann = stage.join("ann")
    stage.topics.counts["lines"] = 5
    ann.heartbeat()
    assert ann.numbers == [0, 1, 2, 3, 4]


def test_a_static_member_that_comes_back_has_what_it_had(stage: Stage) -> None:
    ann, bob = stage.join("ann"), stage.join("bob", "place")
    stage.settle(ann, bob)
    had, epoch = bob.numbers, stage.group.epoch
    with refused(ErrorCode.unreleased_instance_id):
        stage.join("thief", "place")
    bob.heartbeat(member_epoch=LEAVES_FOR_NOW)
    ann.heartbeat()
    again = stage.join("bob-2", "place")
    assert (again.numbers, stage.group.epoch) == (had, epoch), "nobody else noticed"
    with refused(ErrorCode.fenced_instance_id):
        bob.heartbeat(member_epoch=2)


def test_bad_requests_change_nothing(stage: Stage) -> None:
    ann = stage.join("ann")
    with refused(ErrorCode.unsupported_assignor):
        ann.heartbeat(assignor="own")
    with refused(ErrorCode.invalid_request):
        Client(stage, "bob").heartbeat(subscribed_topics=None)
    with refused(ErrorCode.unsupported_assignor):
        Client(stage, "bob").heartbeat(assignor="own")
    assert (list(stage.group.members), stage.group.epoch) == (["ann"], 1)


def test_offsets_are_for_members_in_their_epoch(stage: Stage) -> None:
    stage.group.check_member("", -1)
    stage.join("ann")
    stage.group.check_member("ann", 1)
    with refused(ErrorCode.stale_member_epoch):
        stage.group.check_member("ann", 0)
    for member_id in ("", "who"):
        with refused(ErrorCode.unknown_member_id):
            stage.group.check_member(member_id, -1)


names = st.sampled_from(["ann", "bob", "cyd", "dan"])
happenings = st.lists(
    st.tuples(names, st.sampled_from(["heartbeat", "heartbeat", "slow", "leave", "crash", "wait", "grow"])), max_size=60
)


@settings(max_examples=200)
@given(happenings)
def test_no_partition_has_two_owners_and_all_have_one_in_the_end(happenings: list[tuple[str, str]]) -> None:
    stage = Stage()
    clients: dict[str, Client] = {}
    for name, what in happenings:
        client = clients.get(name)
        match what:
            case "wait":
                stage.wait(REBALANCE_MS)
            case "grow":
                stage.topics.counts["lines"] += 1
            case _ if client is None:
                clients[name] = stage.join(name)
            case "crash":  # its process is gone, and so is all that it owned
                client.owned, client.epoch = frozenset(), 0
            case "slow":  # the answer is lost on the way
                owned, epoch = client.owned, client.epoch
                _try(client)
                client.owned, client.epoch = owned & client.owned, epoch
            case "leave":
                _try(client, member_epoch=LEAVES)
                del clients[name]
            case _:
                _try(client)
        owners = [partition for each in clients.values() for partition in each.owned]
        holders = [partition for member in stage.group.members.values() for partition in member.holds]
        assert len(holders) == len(set(holders))
        assert len(owners) == len(set(owners)) or what == "slow" or stage.now_ms >= REBALANCE_MS
    stage.wait(SESSION_MS)
    for _ in range(8):
        for client in clients.values():
            _try(client)
    if clients:
        assert sorted(n for each in clients.values() for n in each.numbers) == list(range(stage.topics.counts["lines"]))
        shares = [len(client.owned) for client in clients.values()]
        assert max(shares) - min(shares) <= 1


def _try(client: Client, **changes: Any) -> None:
    """As clients do: whoever is fenced or unknown gives everything up and joins again."""
    try:
        client.heartbeat(**changes)
    except LogError:
        client.owned, client.epoch = frozenset(), 0


@given(
    st.sampled_from(sorted(ASSIGNORS)),
    st.dictionaries(names, st.sets(st.sampled_from(["a", "b"])).map(frozenset), min_size=1),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 9)),
)
def test_every_assignor_gives_each_partition_to_one_subscriber(
    name: str, subscriptions: dict[str, frozenset[str]], counts: dict[str, int]
) -> None:
    assignment = ASSIGNORS[name](subscriptions, counts, {})
    given_out = [partition for share in assignment.values() for partition in share]
    wanted = {topic for topics in subscriptions.values() for topic in topics}
    assert sorted(given_out) == sorted(TopicPartition(t, n) for t in counts if t in wanted for n in range(counts[t]))
    assert all(each.topic in subscriptions[member] for member, share in assignment.items() for each in share)
    if name == "uniform":
        again = ASSIGNORS[name](subscriptions, counts, assignment)
        assert again == assignment, "what is even stays as it is"
