"""The group coordinator: gives requests to the groups, and carries out what the groups decide."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import cast

import structlog

from penstock_log.coordination.alarm import Alarm
from penstock_log.coordination.internal_topic import as_coordinator_error
from penstock_log.errors import ErrorCode, LogError
from penstock_log.group import classic_members
from penstock_log.group.actions import Action, JoinReply, JoinRequest, Store, SyncReply, SyncRequest
from penstock_log.group.classic import ClassicGroup
from penstock_log.group.config import GroupConfig
from penstock_log.group.consumer import ConsumerGroup
from penstock_log.group.consumer_member import Heartbeat, HeartbeatReply
from penstock_log.group.groups import Group, Groups
from penstock_log.group.membership import ReplyTo
from penstock_log.group.migration import is_left_to_classic_members, upgraded
from penstock_log.group.rebalance import GroupState
from penstock_log.group.records import GroupRecord, encode_group
from penstock_log.group.topics import Topics

log = structlog.get_logger()


class GroupCoordinator:
    """The shell of all groups of a node. Refuses by LogError, and answers joins and syncs when they are due."""

    def __init__(self, groups: Groups, config: GroupConfig, topics: Topics, now_ms: Callable[[], int]) -> None:
        self._groups = groups
        self._config = config
        self._topics = topics
        self._now_ms = now_ms
        self._alarm = Alarm(now_ms, self._deadline_of, self._expire)
        self._waiting: dict[ReplyTo, asyncio.Future[JoinReply | SyncReply]] = {}
        self._last_reply_to = 0
        self._stores: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._groups.start(on_loaded=self._schedule)

    async def stop(self) -> None:
        self._alarm.stop()
        await self._groups.stop()
        for store in self._stores:
            store.cancel()
        await asyncio.gather(*self._stores, return_exceptions=True)

    async def join(self, group_id: str, request: JoinRequest) -> JoinReply:
        self._check_group_id(group_id)
        low_ms, high_ms = self._config.group_min_session_timeout_ms, self._config.group_max_session_timeout_ms
        if not low_ms <= request.session_timeout_ms <= high_ms:
            raise LogError(
                ErrorCode.invalid_session_timeout,
                f"a session timeout of {request.session_timeout_ms} ms is not within {low_ms} and {high_ms} ms"
                " (group.min.session.timeout.ms, group.max.session.timeout.ms)",
            )
        group = self._known(group_id) if request.member_id else await self._groups.find_or_create(group_id)
        if group.consumer is not None:
            if group.consumer.members:
                joined = classic_members.join(group.consumer, request, self._topics, self._now_ms())
                await self._keep(group)
                return joined
            group.consumer = None
            await self._store_consumer(group)
        reply_to, reply = self._expect_reply()
        try:
            self._carry_out(group, group.classic.join(request, reply_to, self._now_ms()))
            return cast(JoinReply, await reply)
        finally:
            self._waiting.pop(reply_to, None)

    async def sync(self, group_id: str, request: SyncRequest) -> SyncReply:
        group = self._known(group_id)
        if group.consumer is not None:
            return classic_members.sync(group.consumer, request, self._now_ms())
        reply_to, reply = self._expect_reply()
        try:
            self._carry_out(group, group.classic.sync(request, reply_to, self._now_ms()))
            return cast(SyncReply, await reply)
        finally:
            self._waiting.pop(reply_to, None)

    def heartbeat(self, group_id: str, member_id: str, group_instance_id: str | None, generation_id: int) -> ErrorCode:
        group = self._known(group_id)
        if group.consumer is None:
            return group.classic.heartbeat(member_id, group_instance_id, generation_id, self._now_ms())
        code = classic_members.heartbeat(group.consumer, member_id, group_instance_id, generation_id, self._now_ms())
        self._schedule(group)  # it may have been told to join again, by a time that is sooner than its session's end
        return code

    async def leave(self, group_id: str, member_id: str, group_instance_id: str | None) -> None:
        group = self._known(group_id)
        if group.consumer is None:
            self._carry_out(group, group.classic.leave(member_id, group_instance_id, self._now_ms()))
        else:
            classic_members.leave(group.consumer, member_id, group_instance_id)
            await self._keep(group)

    async def consumer_heartbeat(self, group_id: str, request: Heartbeat) -> HeartbeatReply:
        """ConsumerGroupHeartbeat, by which members of the newer protocol do everything."""
        self._check_group_id(group_id)
        group = await self._groups.find_or_create(group_id)
        consumer = group.consumer or self._new_consumer_group(group, request)
        reply = consumer.heartbeat(request, self._topics, self._now_ms())
        if group.consumer is None:
            self._carry_out(group, self._groups.upgrade(group, consumer))
        await self._keep(group)
        return reply

    def _new_consumer_group(self, group: Group, request: Heartbeat) -> ConsumerGroup:
        """With the members that it has by the classic protocol, if it has any and this one joins them."""
        session_timeout_ms = self._config.group_consumer_session_timeout_ms
        if not len(group.classic.members):
            return ConsumerGroup(group.group_id, session_timeout_ms)
        if request.member_epoch != 0:
            raise LogError(ErrorCode.group_id_not_found, f"Group {group.group_id} is not a consumer group.")
        return upgraded(group.classic, session_timeout_ms, self._now_ms())

    async def _keep(self, group: Group) -> None:
        """Store what has changed of a group of KIP-848. One that only members of the classic protocol are left of is a
        classic group again. LogError as a client expects it."""
        self._schedule(group)
        consumer = group.consumer
        if consumer is None or not consumer.changed:
            return
        if not is_left_to_classic_members(consumer):
            await self._store_consumer(group)
            return
        try:
            self._carry_out(group, await self._groups.downgrade(group))
        except LogError as error:
            raise as_coordinator_error(error) from error

    async def _store_consumer(self, group: Group) -> None:
        """LogError as a client expects it. What could not be stored is tried again with the next change."""
        if group.consumer is not None:
            group.consumer.changed = False
        try:
            await self._groups.store_consumer(group)
        except LogError as error:
            if group.consumer is not None:
                group.consumer.changed = True
            raise as_coordinator_error(error) from error

    def find(self, group_id: str) -> Group | None:
        self._check_group_id(group_id)
        return self._groups.find(group_id)

    def list(self) -> Iterable[Group]:
        if self._groups.is_loading:
            raise LogError(ErrorCode.coordinator_load_in_progress, "groups are being read from the log")
        return self._groups

    # --- carrying out

    def _known(self, group_id: str) -> Group:
        group = self.find(group_id)
        if group is None:
            raise LogError(ErrorCode.unknown_member_id, f"there is no group {group_id!r}, so it has no members")
        return group

    @staticmethod
    def _check_group_id(group_id: str) -> None:
        if not group_id:
            raise LogError(ErrorCode.invalid_group_id, "the group id is empty")

    def _expect_reply(self) -> tuple[ReplyTo, asyncio.Future[JoinReply | SyncReply]]:
        self._last_reply_to += 1
        reply_to = ReplyTo(self._last_reply_to)
        reply = self._waiting[reply_to] = asyncio.get_running_loop().create_future()
        return reply_to, reply

    def _carry_out(self, group: Group, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Store():
                    self._store(group, action)
                case JoinReply() | SyncReply():
                    reply = self._waiting.pop(action.reply_to, None)
                    if reply is not None and not reply.done():  # else the client has gone
                        reply.set_result(action)
        self._schedule(group)

    def _store(self, group: Group, state: Store) -> None:
        """Append now, so that the log has the states in their order; the group hears of it when it is committed."""
        now_ms = self._now_ms()
        log.info(
            "consumer group changed",
            group=group.group_id,
            generation=state.generation_id,
            members=len(state.members),
            state=GroupState.EMPTY.value if not state.members else GroupState.STABLE.value,
        )
        try:
            _, committed = self._groups.append(
                group.group_id, [encode_group(GroupRecord(group.group_id, state), now_ms)]
            )
        except LogError as error:
            committed = _failed(error)
        self._in_background(self._confirm(group, group.classic, committed))

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._stores.add(task)
        task.add_done_callback(self._stores.discard)

    async def _confirm(self, group: Group, classic: ClassicGroup, committed: Awaitable[None]) -> None:
        try:
            await committed
        except LogError as error:
            code = as_coordinator_error(error).code
            log.error("state of a consumer group not stored", group=group.group_id, error=str(error))
            self._carry_out(group, classic.store_failed(code, self._now_ms()))
        else:
            self._carry_out(group, classic.stored(self._now_ms()))

    # --- time

    def _schedule(self, group: Group) -> None:
        self._alarm.schedule(group.group_id, group.next_deadline_ms())

    def _expire(self, group_id: str) -> None:
        group = self._groups.find(group_id)
        if group is None:
            return
        if group.consumer is None:
            self._carry_out(group, group.classic.expire(self._now_ms()))
        else:
            group.consumer.expire(self._now_ms())
            self._in_background(self._keep_expired(group))

    async def _keep_expired(self, group: Group) -> None:
        try:
            await self._keep(group)
        except LogError as error:  # tried again with the next change; who lapsed has lapsed after a restart, too
            log.error("state of a consumer group not stored", group=group.group_id, error=str(error))

    def _deadline_of(self, group_id: str) -> int | None:
        group = self._groups.find(group_id)
        return None if group is None else group.next_deadline_ms()


async def _failed(error: LogError) -> None:
    raise error
