"""Static members of the classic protocol (group.instance.id): they may be away for the time of a session."""

from typing import Any

from penstock_log.errors import ErrorCode
from penstock_log.group.actions import JoinReply

from .play import SESSION_MS, Play, refused


def join(play: Play, name: str, member_id: str = "", **changes: Any) -> JoinReply | None:
    changes.setdefault("requires_known_member_id", True)
    return play.join(name, member_id, group_instance_id=f"{name}'s place", **changes)


def form(play: Play) -> None:
    for name in ("ann", "bob"):
        join(play, name)
    join(play, "ann", play.joins["ann"].member_id)
    shares = {play.joins[name].member_id: f"share of {name}".encode() for name in ("ann", "bob")}
    play.sync("ann", shares)
    play.sync("bob")


def test_restart_finds_its_place_without_a_rebalance(play: Play) -> None:
    form(play)
    generation_id, old = play.group.generation_id, play.joins["bob"].member_id
    back = join(play, "bob")
    assert back is not None
    assert (back.error_code, back.generation_id) == (ErrorCode.none, generation_id)
    assert back.member_id != old
    synced = play.sync("bob")
    assert synced is not None
    assert synced.assignment == b"share of bob"
    assert play.stores[-1].members[1].member_id == back.member_id
    assert play.heartbeat("ann") is ErrorCode.none


def test_answer_to_a_restart_waits_for_the_log(play: Play) -> None:
    form(play)
    play.log_is_slow = True
    assert join(play, "bob") is None
    play.stored()
    assert play.joins["bob"].error_code is ErrorCode.none


def test_former_self_is_fenced(play: Play) -> None:
    form(play)
    old = play.joins["bob"].member_id
    join(play, "bob")
    with refused(ErrorCode.fenced_instance_id):
        play.heartbeat("bob", member_id=old, group_instance_id="bob's place")
    with refused(ErrorCode.fenced_instance_id):
        play.join("bob", old, group_instance_id="bob's place")
    with refused(ErrorCode.unknown_member_id):
        play.heartbeat("bob", member_id=old)


def test_former_self_that_waits_is_fenced_at_once(play: Play) -> None:
    form(play)
    play.join("cyd")
    join(play, "bob", play.joins["bob"].member_id)
    play._names[-1] = "the old bob"
    join(play, "bob")
    assert play.joins["the old bob"].error_code is ErrorCode.fenced_instance_id


def test_leader_that_comes_back_is_told_to_skip_the_assignment(play: Play) -> None:
    form(play)
    back = join(play, "ann")
    assert back is not None
    assert back.skip_assignment
    assert back.leader_id == back.member_id
    assert len(back.members) == 2


def test_before_version_9_it_takes_itself_for_a_follower(play: Play) -> None:
    form(play)
    old = play.joins["ann"].member_id
    back = join(play, "ann", supports_skipping_assignment=False)
    assert back is not None
    assert (back.skip_assignment, back.members, back.leader_id) == (False, (), old)


def test_absent_member_keeps_its_place_for_a_session(play: Play) -> None:
    form(play)
    assert play.join("cyd") is None
    join(play, "ann", play.joins["ann"].member_id)
    play.wait(SESSION_MS - 1)
    assert play.waits("cyd")
    play.wait(1)
    assert play.joins["cyd"].error_code is ErrorCode.none
    assert len(play.group.members) == 2


def test_operator_removes_it_by_its_instance_id(play: Play) -> None:
    form(play)
    play.leave("", "bob's place")
    assert [each.client_id for each in play.group.members] == ["ann"]
    with refused(ErrorCode.unknown_member_id):
        play.leave("", "bob's place")
