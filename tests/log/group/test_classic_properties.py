"""Whatever members do, and in whatever order: the promises of a group."""

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.actions import Action, JoinReply, JoinRequest, Store, SyncReply, SyncRequest
from penstock_log.group.classic import NEW_MEMBER_JOIN_TIMEOUT_MS, ClassicGroup
from penstock_log.group.membership import Protocol, ReplyTo
from penstock_log.group.rebalance import GroupState

NAMES = ["ann", "bob", "cyd", "dan"]
STATIC = {"ann", "bob"}
SESSION_MS = 10_000
REBALANCE_MS = 30_000
LONGEST_WAIT_MS = NEW_MEMBER_JOIN_TIMEOUT_MS + 2 * REBALANCE_MS + SESSION_MS

names = st.sampled_from(NAMES)


class Client:
    """What one client believes of itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.group_instance_id = name if name in STATIC else None
        self.member_id = ""
        self.generation_id = -1
        self.assignments: dict[str, bytes] = {}
        self.assigned: tuple[int, bytes] | None = None


class Groups(RuleBasedStateMachine):
    @initialize(delay_ms=st.sampled_from([0, 3_000]))
    def empty(self, delay_ms: int) -> None:
        self.now_ms = 0
        self.group = ClassicGroup("g", 0, delay_ms)
        self.clients = {name: Client(name) for name in NAMES}
        self.waiting: dict[ReplyTo, tuple[Client, int]] = {}
        self.answered: set[ReplyTo] = set()
        self.stores: list[Store] = []
        self.asked = 0
        self.latest_generation_id = 0

    @rule(name=names, known_id_required=st.booleans(), metadata=st.sampled_from([b"", b"more"]))
    def join(self, name: str, known_id_required: bool, metadata: bytes) -> None:
        client = self.clients[name]
        self.asked += 1
        request = JoinRequest(
            member_id=client.member_id,
            group_instance_id=client.group_instance_id,
            client_id=name,
            client_host="",
            session_timeout_ms=SESSION_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            protocol_type="consumer",
            protocols=(Protocol("range", metadata),),
            new_member_id=f"{name}-{self.asked}",
            requires_known_member_id=known_id_required,
            supports_skipping_assignment=True,
        )
        self._ask(client, lambda reply_to: self.group.join(request, reply_to, self.now_ms))

    @rule(name=names)
    def sync(self, name: str) -> None:
        client = self.clients[name]
        request = SyncRequest(
            member_id=client.member_id,
            group_instance_id=client.group_instance_id,
            generation_id=client.generation_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=client.assignments,
        )
        self._ask(client, lambda reply_to: self.group.sync(request, reply_to, self.now_ms))

    @rule(name=names)
    def heartbeat(self, name: str) -> None:
        client = self.clients[name]
        try:
            self.group.heartbeat(client.member_id, client.group_instance_id, client.generation_id, self.now_ms)
        except LogError as refusal:
            self._refused(client, refusal.code)

    @rule(name=names)
    def leave(self, name: str) -> None:
        client = self.clients[name]
        try:
            self._carry_out(self.group.leave(client.member_id, client.group_instance_id, self.now_ms))
        except LogError as refusal:
            self._refused(client, refusal.code)
        client.member_id = ""

    @rule(name=names)
    def restart(self, name: str) -> None:
        self.clients[name] = Client(name)

    @rule(succeeds=st.booleans())
    def the_log_answers(self, succeeds: bool) -> None:
        if self.stores:
            del self.stores[0]
            outcome = self.group.stored if succeeds else self._store_failed
            self._carry_out(outcome(self.now_ms))

    @rule(milliseconds=st.sampled_from([1, SESSION_MS // 2, SESSION_MS, REBALANCE_MS]))
    def time_passes(self, milliseconds: int) -> None:
        until = self.now_ms + milliseconds
        while (deadline := self.group.next_deadline_ms()) is not None and deadline <= until:
            self.now_ms = max(deadline, self.now_ms)
            self._carry_out(self.group.expire(self.now_ms))
        self.now_ms = until

    @invariant()
    def generations_only_grow(self) -> None:
        assert self.group.generation_id >= self.latest_generation_id
        self.latest_generation_id = self.group.generation_id

    @invariant()
    def there_is_a_leader_among_the_members(self) -> None:
        if len(self.group.members):
            assert self.group.members.get(self.group.members.leader_id or "") is not None
        assert (len(self.group.members) == 0) == (self.group.state is GroupState.EMPTY) or (
            self.group.state is GroupState.PREPARING_REBALANCE
        )

    @invariant()
    def nothing_waits_in_a_state_that_does_not_answer_it(self) -> None:
        for member in self.group.members:
            assert member.awaiting_join is None or self.group.state is GroupState.PREPARING_REBALANCE
            assert member.awaiting_sync is None or self.group.state is GroupState.COMPLETING_REBALANCE

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        for client, since_ms in self.waiting.values():
            assert self.now_ms - since_ms <= LONGEST_WAIT_MS or self.stores, f"{client.name} waits since {since_ms}"

    @invariant()
    def every_member_of_a_stable_generation_has_an_assignment(self) -> None:
        assert self.group.state is not GroupState.STABLE or all(member.assignment for member in self.group.members)

    @invariant()
    def within_a_generation_an_assignment_does_not_change(self) -> None:
        for client in self.clients.values():
            member = self.group.members.get(client.member_id)
            stable = self.group.state is GroupState.STABLE
            if stable and member is not None and client.assigned is not None:
                generation_id, assignment = client.assigned
                assert generation_id != self.group.generation_id or assignment == member.assignment

    def _ask(self, client: Client, event: Callable[[ReplyTo], list[Action]]) -> None:
        self.asked += 1
        reply_to = ReplyTo(self.asked)
        self.waiting[reply_to] = (client, self.now_ms)
        try:
            self._carry_out(event(reply_to))
        except LogError as refusal:
            del self.waiting[reply_to]
            self._refused(client, refusal.code)

    def _refused(self, client: Client, code: ErrorCode) -> None:
        if code in (ErrorCode.unknown_member_id, ErrorCode.fenced_instance_id):
            client.member_id = ""

    def _store_failed(self, now_ms: int) -> list[Action]:
        return self.group.store_failed(ErrorCode.coordinator_not_available, now_ms)

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Store):
                self.stores.append(action)
                continue
            assert action.reply_to not in self.answered, "answered twice"
            self.answered.add(action.reply_to)
            client, _ = self.waiting.pop(action.reply_to)
            if isinstance(action, JoinReply):
                self._joined(client, action)
            elif action.error_code is ErrorCode.none:
                self._synced(client, action)

    def _joined(self, client: Client, reply: JoinReply) -> None:
        self._refused(client, reply.error_code)
        if reply.error_code in (ErrorCode.none, ErrorCode.member_id_required):
            client.member_id = reply.member_id
        if reply.error_code is ErrorCode.none:
            client.generation_id = reply.generation_id
            client.assignments = {each.member_id: each.member_id.encode() for each in reply.members}
            client.assigned = None

    def _synced(self, client: Client, reply: SyncReply) -> None:
        client.assigned = (client.generation_id, reply.assignment)


Groups.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestGroups = Groups.TestCase
