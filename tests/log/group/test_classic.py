"""The classic group protocol as plays: members that come, go, fall silent and start over."""

from penstock_log.errors import ErrorCode
from penstock_log.group.classic import NEW_MEMBER_JOIN_TIMEOUT_MS, ClassicGroup
from penstock_log.group.membership import Protocol
from penstock_log.group.rebalance import GroupState

from .play import REBALANCE_MS, SESSION_MS, Play, refused


def test_the_first_member_leads_and_gets_what_it_assigns_itself(play: Play) -> None:
    joined = play.join("ann")
    assert joined is not None
    assert (joined.error_code, joined.generation_id, joined.protocol_name) == (ErrorCode.none, 1, "range")
    assert joined.leader_id == joined.member_id
    assert [(each.member_id, each.metadata) for each in joined.members] == [(joined.member_id, b"topics of ann")]

    synced = play.sync("ann", {joined.member_id: b"all of it"})
    assert synced is not None
    assert (synced.error_code, synced.assignment) == (ErrorCode.none, b"all of it")
    assert play.heartbeat("ann") is ErrorCode.none
    assert play.group.state is GroupState.STABLE


def test_from_version_4_on_a_new_member_is_told_its_id_first(play: Play) -> None:
    told = play.join("ann", requires_known_member_id=True)
    assert told is not None
    assert told.error_code is ErrorCode.member_id_required
    assert told.member_id
    assert play.group.state is GroupState.EMPTY

    joined = play.join("ann", told.member_id, requires_known_member_id=True)
    assert joined is not None
    assert (joined.error_code, joined.member_id) == (ErrorCode.none, told.member_id)


def test_an_id_that_nobody_comes_back_with_lapses(play: Play) -> None:
    told = play.join("ann", requires_known_member_id=True)
    assert told is not None
    play.wait(SESSION_MS)
    with refused(ErrorCode.unknown_member_id):
        play.join("ann", told.member_id)


def test_a_second_member_makes_the_first_join_again(play: Play) -> None:
    play.form("ann")
    assert play.join("bob") is None, "bob waits for ann"
    assert play.heartbeat("ann") is ErrorCode.rebalance_in_progress

    play.rejoin("ann", "bob")
    assert play.joins["ann"].generation_id == play.joins["bob"].generation_id == 2
    assert len(play.joins["ann"].members) == 2
    assert play.joins["bob"].members == (), "only the leader is told who takes part"
    assert play.syncs["ann"].assignment == b"share of ann"
    assert play.syncs["bob"].assignment == b"share of bob"


def test_followers_wait_for_the_leaders_assignment_and_its_storage(play: Play) -> None:
    play.form("ann")
    play.join("bob")
    play.join("ann", play.joins["ann"].member_id)
    play.log_is_slow = True

    assert play.sync("bob") is None
    assert play.sync("ann", {play.joins["bob"].member_id: b"for bob"}) is None
    assert play.group.state is GroupState.COMPLETING_REBALANCE
    play.stored()
    assert play.syncs["bob"].assignment == b"for bob"
    assert play.syncs["ann"].assignment == b""


def test_an_assignment_that_cannot_be_stored_is_nobodys(play: Play) -> None:
    play.log_is_slow = True
    play.join("ann")
    play.sync("ann", {play.joins["ann"].member_id: b"all"})
    play.store_failed()
    assert play.syncs["ann"].error_code is ErrorCode.coordinator_not_available
    assert play.heartbeat("ann") is ErrorCode.rebalance_in_progress


def test_a_storage_that_a_rebalance_overtakes_answers_nobody(play: Play) -> None:
    play.log_is_slow = True
    play.join("ann")
    play.sync("ann", {play.joins["ann"].member_id: b"all"})
    play.join("bob")
    assert play.syncs["ann"].error_code is ErrorCode.rebalance_in_progress
    play.stored()
    assert play.group.state is GroupState.PREPARING_REBALANCE


def test_a_member_that_leaves_gives_its_share_to_the_others(play: Play) -> None:
    play.form("ann", "bob")
    play.leave(play.joins["bob"].member_id)
    assert play.heartbeat("ann") is ErrorCode.rebalance_in_progress
    play.rejoin("ann")
    with refused(ErrorCode.unknown_member_id):
        play.heartbeat("bob")


def test_when_the_leader_leaves_another_member_leads(play: Play) -> None:
    play.form("ann", "bob")
    play.leave(play.joins["ann"].member_id)
    play.rejoin("bob")
    assert play.joins["bob"].leader_id == play.joins["bob"].member_id


def test_the_last_to_leave_empties_the_group_and_that_is_stored(play: Play) -> None:
    play.form("ann")
    play.leave(play.joins["ann"].member_id)
    assert play.group.state is GroupState.EMPTY
    assert play.group.generation_id == 2
    assert play.stores[-1].members == ()
    assert play.group.next_deadline_ms() is None


def test_a_member_that_falls_silent_is_out_after_its_session(play: Play) -> None:
    play.form("ann", "bob")
    play.wait(SESSION_MS - 1)
    assert play.heartbeat("ann") is ErrorCode.none
    play.wait(1)
    assert play.heartbeat("ann") is ErrorCode.rebalance_in_progress
    with refused(ErrorCode.unknown_member_id):
        play.heartbeat("bob")


def test_a_member_that_waits_for_the_group_cannot_be_late(play: Play) -> None:
    play.form("ann", "bob")
    play.join("cyd")
    play.join("ann", play.joins["ann"].member_id)
    for _ in range(3):
        play.wait(SESSION_MS - 1)
        play.heartbeat("bob")
    assert play.waits("ann"), "for bob, long after a session"


def test_a_member_that_does_not_rejoin_in_time_is_left_behind(play: Play) -> None:
    play.form("ann", "bob")
    play.join("cyd")
    play.join("ann", play.joins["ann"].member_id)
    for _ in range(REBALANCE_MS // SESSION_MS + 1):  # bob is alive and busy: it heartbeats and does not join
        if play.waits("cyd"):
            play.heartbeat("bob")
        play.wait(SESSION_MS - 1)
    assert {each.client_id for each in play.group.members} == {"ann", "cyd"}


def test_members_that_never_ask_for_their_assignment_are_removed(play: Play) -> None:
    play.form("ann")
    play.join("bob")
    play.join("ann", play.joins["ann"].member_id)
    play.sync("ann", {})
    for _ in range(REBALANCE_MS // SESSION_MS + 1):
        for name in ("ann", "bob"):
            if play.group.state is GroupState.STABLE:
                play.heartbeat(name)
        play.wait(SESSION_MS - 1)
    with refused(ErrorCode.unknown_member_id):
        play.heartbeat("bob")


def test_a_newcomer_that_vanished_does_not_hold_up_the_group_for_ever(play: Play) -> None:
    play.form("ann")
    play.join("ghost", rebalance_timeout_ms=2 * NEW_MEMBER_JOIN_TIMEOUT_MS)
    while play.group.members.get("ghost-2") is not None and play.now_ms < 10_000_000:
        play.heartbeat("ann")
        play.wait(SESSION_MS - 1)
    assert play.joins["ghost"].error_code is ErrorCode.unknown_member_id


def test_the_protocol_that_all_have_and_most_prefer_is_chosen(play: Play) -> None:
    both = (Protocol("sticky", b""), Protocol("range", b""))
    reverse = (Protocol("range", b""), Protocol("sticky", b""), Protocol("own", b""))
    play.join("ann", protocols=both)
    play.join("bob", protocols=reverse)
    play.join("cyd", protocols=reverse)
    play.join("ann", play.joins["ann"].member_id, protocols=both)
    assert play.joins["ann"].protocol_name == "range"


def test_a_member_without_a_common_protocol_is_turned_away(play: Play) -> None:
    play.form("ann")
    for changes in (
        {"protocols": (Protocol("own", b""),)},
        {"protocol_type": "connect"},
        {"protocols": ()},
        {"protocol_type": ""},
    ):
        with refused(ErrorCode.inconsistent_group_protocol):
            play.join("bob", **changes)
    assert play.heartbeat("ann") is ErrorCode.none, "and the others never notice"


def test_wrong_generation_member_and_protocol_are_told_apart(play: Play) -> None:
    play.form("ann")
    with refused(ErrorCode.illegal_generation):
        play.heartbeat("ann", generation_id=7)
    with refused(ErrorCode.unknown_member_id):
        play.heartbeat("ann", member_id="who")
    with refused(ErrorCode.illegal_generation):
        play.sync("ann", generation_id=7)
    with refused(ErrorCode.inconsistent_group_protocol):
        play.sync("ann", protocol_name="own")
    play.join("bob")
    with refused(ErrorCode.rebalance_in_progress):
        play.sync("ann")


def test_a_follower_that_missed_the_answer_gets_it_again_without_a_rebalance(play: Play) -> None:
    play.form("ann", "bob")
    again = play.join("bob", play.joins["bob"].member_id)
    assert again is not None
    assert again.generation_id == play.group.generation_id
    assert play.group.state is GroupState.STABLE
    synced = play.sync("bob")
    assert synced is not None
    assert synced.assignment == b"share of bob"


def test_new_metadata_or_a_leader_that_joins_again_start_a_rebalance(play: Play) -> None:
    play.form("ann", "bob")
    assert play.join("ann", play.joins["ann"].member_id) is None
    play.rejoin("ann", "bob")
    assert play.join("bob", play.joins["bob"].member_id, protocols=(Protocol("range", b"more topics"),)) is None
    assert play.heartbeat("ann") is ErrorCode.rebalance_in_progress


def test_an_impatient_members_first_request_is_answered_too(play: Play) -> None:
    play.form("ann")
    play.join("bob")
    play._names[-1] = "bob's lost connection"
    play.join("bob", play._member_id("bob"))
    assert play.joins["bob's lost connection"].error_code is ErrorCode.rebalance_in_progress
    assert play.waits("bob")


def test_a_delay_before_the_first_rebalance_gathers_members_that_start_together() -> None:
    play = Play(initial_rebalance_delay_ms=3_000)
    assert play.join("ann") is None
    play.wait(2_000)
    assert play.join("bob") is None
    play.wait(1_000)
    assert not play.joins, "somebody came, so the delay is extended once more"
    play.wait(3_000)
    assert play.joins["ann"].generation_id == play.joins["bob"].generation_id == 1


def test_restored_from_the_log_members_have_a_session_to_be_heard_of(play: Play) -> None:
    play.form("ann", "bob")
    stored = play.stores[-1]
    play.group = ClassicGroup.restore("troupe", stored, play.now_ms)
    assert play.group.snapshot() == stored
    play.wait(SESSION_MS - 1)
    assert play.heartbeat("ann") is ErrorCode.none
    synced = play.sync("ann")
    assert synced is not None
    assert synced.assignment == b"share of ann"
    play.wait(1)
    assert [each.client_id for each in play.group.members] == ["ann"]


class TestOffsetCommits:
    def check(self, play: Play, member_id: str = "", generation_id: int = -1, instance_id: str | None = None) -> None:
        play.group.check_offset_commit(member_id, instance_id, generation_id, play.now_ms)

    def test_outsiders_may_while_the_group_is_empty(self, play: Play) -> None:
        self.check(play)
        play.form("ann")
        with refused(ErrorCode.unknown_member_id):
            self.check(play)

    def test_members_may_in_their_generation(self, play: Play) -> None:
        play.form("ann")
        ann = play.joins["ann"]
        self.check(play, ann.member_id, ann.generation_id)
        with refused(ErrorCode.illegal_generation):
            self.check(play, ann.member_id, ann.generation_id + 1)
        with refused(ErrorCode.unknown_member_id):
            self.check(play, "who", ann.generation_id)

    def test_they_may_while_a_rebalance_gathers_but_not_without_an_assignment(self, play: Play) -> None:
        play.form("ann")
        ann = play.joins["ann"]
        play.join("bob")
        self.check(play, ann.member_id, ann.generation_id)
        play.join("ann", ann.member_id)
        with refused(ErrorCode.rebalance_in_progress):
            self.check(play, ann.member_id, play.group.generation_id)

    def test_they_keep_the_session(self, play: Play) -> None:
        play.form("ann")
        ann = play.joins["ann"]
        play.wait(SESSION_MS - 1)
        self.check(play, ann.member_id, ann.generation_id)
        play.wait(SESSION_MS - 1)
        assert play.heartbeat("ann") is ErrorCode.none


def test_a_dead_group_sends_everybody_to_look_again(play: Play) -> None:
    play.form("ann")
    with refused(ErrorCode.non_empty_group):
        play.group.die()
    play.leave(play.joins["ann"].member_id)
    play.group.die()
    with refused(ErrorCode.coordinator_not_available):
        play.join("bob")
