"""A group of the classic protocol on stage: who says what to it, and what it answers, without a clock or a socket."""

from typing import Any

import pytest

from penstock_log.errors import ErrorCode, LogError
from penstock_log.group.actions import Action, JoinReply, JoinRequest, Store, SyncReply, SyncRequest
from penstock_log.group.classic import ClassicGroup
from penstock_log.group.membership import Protocol, ReplyTo
from penstock_log.group.rebalance import GroupState

SESSION_MS = 10_000
REBALANCE_MS = 60_000


class Play:
    """Answers are kept under the name of who asked; the log stores at once unless told otherwise."""

    def __init__(self, initial_rebalance_delay_ms: int = 0) -> None:
        self.now_ms = 1_000_000
        self.group = ClassicGroup("troupe", self.now_ms, initial_rebalance_delay_ms)
        self.joins: dict[str, JoinReply] = {}
        self.syncs: dict[str, SyncReply] = {}
        self.stores: list[Store] = []
        self.log_is_slow = False
        self._names: list[str] = []

    def join(self, name: str, member_id: str = "", **changes: Any) -> JoinReply | None:
        """The answer, if there is one yet."""
        said = {"new_member_id": f"{name}-{len(self._names)}"} | changes
        request = join_request(name, member_id, Protocol("range", b"topics of " + name.encode()), **said)
        reply_to = self._reply_to(name)
        self._carry_out(self.group.join(request, reply_to, self.now_ms))
        answer = self.joins.get(name)
        return answer if answer is not None and answer.reply_to == reply_to else None

    def sync(self, name: str, assignments: dict[str, bytes] | None = None, **changes: Any) -> SyncReply | None:
        joined = self.joins[name]
        request: dict[str, Any] = {
            "member_id": joined.member_id,
            "group_instance_id": None,
            "generation_id": joined.generation_id,
            "protocol_type": joined.protocol_type,
            "protocol_name": joined.protocol_name,
            "assignments": assignments or {},
        }
        reply_to = self._reply_to(name)
        self._carry_out(self.group.sync(SyncRequest(**request | changes), reply_to, self.now_ms))
        answer = self.syncs.get(name)
        return answer if answer is not None and answer.reply_to == reply_to else None

    def heartbeat(self, name: str, **changes: Any) -> ErrorCode:
        joined = self.joins[name]
        said: dict[str, Any] = {
            "member_id": joined.member_id,
            "group_instance_id": None,
            "generation_id": joined.generation_id,
        }
        return self.group.heartbeat(**said | changes, now_ms=self.now_ms)

    def leave(self, member_id: str, group_instance_id: str | None = None) -> None:
        self._carry_out(self.group.leave(member_id, group_instance_id, self.now_ms))

    def stored(self) -> None:
        self._carry_out(self.group.stored(self.now_ms))

    def store_failed(self) -> None:
        self._carry_out(self.group.store_failed(ErrorCode.coordinator_not_available, self.now_ms))

    def wait(self, milliseconds: int) -> None:
        """Time passes; what falls due on the way is done when it is due."""
        until = self.now_ms + milliseconds
        while (deadline := self.group.next_deadline_ms()) is not None and deadline <= until:
            self.now_ms = max(self.now_ms, deadline)
            self._carry_out(self.group.expire(self.now_ms))
        self.now_ms = until

    def form(self, *names: str) -> None:
        """Bring these members into one stable generation, the first of them as its leader."""
        for name in names:
            self.join(name)
        self.rejoin(*names)

    def rejoin(self, *names: str) -> None:
        """All of them join again, and the first hands out the assignment."""
        for name in names:
            if self.group.state is GroupState.PREPARING_REBALANCE and not self.waits(name):
                self.join(name, self._member_id(name))
        leader = next(name for name in names if self.joins[name].leader_id == self.joins[name].member_id)
        for name in [leader, *(name for name in names if name != leader)]:
            self.sync(name, {self.joins[each].member_id: f"share of {each}".encode() for each in names})
        assert self.group.state is GroupState.STABLE

    def waits(self, name: str) -> bool:
        """Whether this member's JoinGroup has no answer yet."""
        return any(each.client_id == name and each.awaiting_join is not None for each in self.group.members)

    def _member_id(self, name: str) -> str:
        return next(member.member_id for member in self.group.members if member.client_id == name)

    def _reply_to(self, name: str) -> ReplyTo:
        self._names.append(name)
        return ReplyTo(len(self._names) - 1)

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case JoinReply():
                    self.joins[self._names[action.reply_to]] = action
                case SyncReply():
                    self.syncs[self._names[action.reply_to]] = action
                case Store():
                    self.stores.append(action)
                    if not self.log_is_slow:
                        self.stored()


def join_request(name: str, member_id: str, protocol: Protocol, **changes: Any) -> JoinRequest:
    """What a consumer named `name` sends, in the newest version, but for `changes`."""
    request: dict[str, Any] = {
        "member_id": member_id,
        "group_instance_id": None,
        "client_id": name,
        "client_host": "/127.0.0.1",
        "session_timeout_ms": SESSION_MS,
        "rebalance_timeout_ms": REBALANCE_MS,
        "protocol_type": "consumer",
        "protocols": (protocol,),
        "new_member_id": f"{name}-new",
        "requires_known_member_id": False,
        "supports_skipping_assignment": True,
    }
    return JoinRequest(**request | changes)


def refused(code: ErrorCode) -> Any:
    return pytest.raises(LogError, match=f"^{code.name}:")
