"""This worker's place in the group of its cluster: joined, kept by heartbeats, given up.

The group protocol serves membership and the choice of a leader, nothing else: a rebalance stops no task, because which
worker has which task is said in the log. Heartbeats go on while a rebalance is under way, on a connection of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import errors as kafka
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.protocol.group import JoinGroupRequest, SyncGroupRequest

from penstock import PenstockError
from penstock_workers.cancelling import TimeLimit, end
from penstock_workers.client.aiokafka_parts import give_up_silent_connections
from penstock_workers.cluster.members import Member, View
from penstock_workers.cluster.membership_refused import check_code, check_same_topics
from penstock_workers.cluster.protocol import PROTOCOL, PROTOCOL_TYPE, Heartbeat, LeaveGroup, members_of
from penstock_workers.config import WorkerConfig
from penstock_workers.lease import Lease, now_ns
from penstock_workers.upkeep import keep_going

log = structlog.get_logger()

REBALANCE_PART = 4
"""The group waits so much of a session for members that do not answer, before it goes on without their word: a newcomer
waits no longer for one that is frozen."""
LEASE_PART = 2
"""Twice that after its word the coordinator may give up a member that does not take part in a rebalance, however long
its session is; so the right to run ends then too."""
RETRY_SECONDS = 0.2
LEAVE_SECONDS = 2.0
NO_GENERATION = -1

NONE, UNKNOWN_MEMBER, REBALANCE_IN_PROGRESS = 0, 25, 27
MOVED = (14, 15, 16)
"""The coordinator is loading, not available, or another node."""


class GroupMember:
    def __init__(
        self,
        config: WorkerConfig,
        url: str,
        lease: Lease,
        *,
        admit: Callable[[View], Awaitable[None]],
        on_view: Callable[[View], None],
    ) -> None:
        """`admit` is awaited, with the view of the generation, after each joining that follows a time without a right
        to run: when it returns, nothing runs here that may have been given to others meanwhile. `on_view` follows each
        generation."""
        self._config = config
        self._url = url
        self._lease = lease
        self._admit = admit
        self._on_view = on_view
        self._draining = False
        self._away_ms = 0
        self._member_id = ""
        self._generation = NO_GENERATION
        self._coordinator: int | None = None
        self._admitted = False
        self._admission: asyncio.Task[None] | None = None
        self._synced_generation = NO_GENERATION
        """The last in which this worker has taken its place: until then the coordinator may give it up for late."""
        self._confirmed_ns = 0
        """When that was sent by which the coordinator last said that this worker is a member."""
        self._rejoin = asyncio.Event()
        self._is_joining = False
        self._tasks: list[asyncio.Task[None]] = []
        self.fenced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails when this worker can be no member any more."""

    def start(self) -> None:
        """Join as soon as the group lets us: see `on_view`."""
        session_seconds = self._config.session_timeout_ms / 1000
        self._client = AIOKafkaClient(
            **self._config.log.aiokafka_options(),
            client_id=f"penstock-{self._config.id}",
            request_timeout_ms=int(2000 * session_seconds),
        )
        give_up_silent_connections(self._client)
        self._tasks = [
            keep_going("join the worker group", self._join_for_ever),
            keep_going("heartbeats of the worker group", self._beat_for_ever),
        ]

    async def stop(self) -> None:
        """Leave the group, where it answers."""
        tasks = [*self._tasks, *([self._admission] if self._admission else [])]
        await end(*tasks)
        if not self._tasks:
            return
        if self._member_id:
            with suppress(kafka.KafkaError, TimeoutError):
                async with TimeLimit(LEAVE_SECONDS):
                    await self._leave(self._member_id, self._config.id)
        await self._client.close()

    def drain(self) -> None:
        """Say that this worker is about to leave."""
        self._draining = True
        self._rejoin.set()

    def go_away(self) -> None:
        """Say that this worker is about to be restarted."""
        self._away_ms = self._config.restart_timeout_ms
        self._rejoin.set()

    def rejoin(self) -> None:
        self._rejoin.set()

    async def remove(self, member: Member) -> bool:
        """Take a dead worker out of the group, so that nobody waits for the end of its session. False where it is not
        known to be out, or another process has its place."""
        try:
            code = await self._leave(member.member_id, member.worker_id)
        except kafka.KafkaError as error:
            log.warning("dead worker could not be removed from the group", worker=member.worker_id, error=repr(error))
            return False
        return code in (NONE, UNKNOWN_MEMBER)

    async def _join_for_ever(self) -> None:
        connected = False
        self._rejoin.set()
        while True:
            await self._rejoin.wait()
            self._rejoin.clear()
            try:
                if not connected:
                    await self._client.bootstrap()
                    connected = True
                self._is_joining = True
                await self._join()
            except kafka.KafkaError as error:
                log.info("the worker group cannot be joined, trying again", error=repr(error))
                self._rejoin.set()
                await asyncio.sleep(RETRY_SECONDS)
            except PenstockError as error:
                self._fail(error)
                return
            finally:
                self._is_joining = False

    async def _join(self) -> None:
        joined = await self._ask(self._join_request(), ConnectionGroup.DEFAULT)
        if joined.error_code != NONE:
            self._refused(joined.error_code)
            return
        self._member_id, self._generation = joined.member_id, joined.generation_id
        leads = joined.leader_id == joined.member_id
        assignments: list[tuple[str, bytes]] = []
        if leads:
            mine = [member for member in members_of(joined) if member.topics == self._config.internal_topics]
            told = View.of(self._generation, self._config.id, mine).encode()
            assignments = [(member_id, told) for member_id, _instance_id, _metadata in joined.members]
        request = SyncGroupRequest(
            self._config.group_id, self._generation, self._member_id, self._config.id, assignments
        )
        sent_ns = now_ns()
        synced = await self._ask(request, ConnectionGroup.DEFAULT)
        if synced.error_code != NONE:
            self._refused(synced.error_code)
            return
        self._synced_generation, self._confirmed_ns = self._generation, sent_ns
        if self._lease.is_held():
            self._renew()
        await self._joined(synced.member_assignment, leads)

    async def _joined(self, told: bytes, leads: bool) -> None:
        """Who takes the place of its former process is told what was true then, without a rebalance. Joining by the
        new member id makes the coordinator ask everybody, and the leader, if that is its place, lead."""
        view = View.decode(told) if told else None
        me = self._me()
        if view is not None and (leader := view.members.get(view.leader)) is not None:
            check_same_topics(self._config, leader)
        if view is None or view.members.get(me.worker_id) != me or (view.leader == me.worker_id) != leads:
            self._rejoin.set()
            await asyncio.sleep(RETRY_SECONDS if told else 0)
            return
        self._on_view(view)
        if not self._admitted or not self._lease.is_held():
            self._admitted = False
            if self._admission is not None:
                self._admission.cancel()
            self._admission = asyncio.create_task(self._be_admitted(view), name="wait for admission")

    async def _be_admitted(self, view: View) -> None:
        await self._admit(view)
        self._admitted = True
        self._renew()

    def _me(self) -> Member:
        config = self._config
        return Member(config.id, self._url, self._draining, self._away_ms, config.internal_topics, self._member_id)

    def _join_request(self) -> JoinGroupRequest:
        return JoinGroupRequest(
            self._config.group_id,
            self._config.session_timeout_ms,
            self._config.session_timeout_ms // REBALANCE_PART,
            self._member_id,
            self._config.id,
            PROTOCOL_TYPE,
            [(PROTOCOL, self._me().encode())],
        )

    async def _beat_for_ever(self) -> None:
        interval_seconds = self._config.heartbeat_interval_ms / 1000
        while True:
            if self._member_id:
                try:
                    async with TimeLimit(self._config.session_timeout_ms / 2000):
                        await self._beat()
                except (kafka.KafkaError, TimeoutError) as error:
                    log.debug("heartbeat failed", error=repr(error))
                except PenstockError as error:
                    self._fail(error)
                    return
            await asyncio.sleep(interval_seconds)

    async def _beat(self) -> None:
        sent_ns = now_ns()
        generation = self._generation
        request = Heartbeat(self._config.group_id, generation, self._member_id, self._config.id)
        response = await self._ask(request, ConnectionGroup.COORDINATION)
        code = response.error_code
        if code == NONE and generation == self._synced_generation:
            self._confirmed_ns = max(self._confirmed_ns, sent_ns)
            if not self._lease.is_held() and self._admitted:
                log.warning("this worker was not heard of for so long that its tasks may run elsewhere, joining again")
                self._admitted = False
                self._rejoin.set()
            self._renew()
        elif code == REBALANCE_IN_PROGRESS and self._is_joining:
            return  # to join once more, behind that, would begin the next one
        elif code != NONE and generation == self._generation:  # else a joining has overtaken it
            self._refused(code)

    def _renew(self) -> None:
        if self._admitted:
            self._lease.renew(self._confirmed_ns + self._config.session_timeout_ms * 1_000_000 // LEASE_PART)

    def _refused(self, code: int) -> None:
        """Join again, or raise PenstockError where this worker can be no member."""
        check_code(self._config, code)
        if code == UNKNOWN_MEMBER:
            log.warning("this worker is no member of its group any more, joining again")
            self._member_id, self._generation = "", NO_GENERATION
            self._lose_admission()
        self._rejoin.set()

    def _lose_admission(self) -> None:
        """The group has said that this worker is none of its members: its tasks may be given to others from now on, so
        nothing is left of the right to run them either."""
        self._admitted = False
        if self._admission is not None:
            self._admission.cancel()
        self._lease.end()

    def _fail(self, error: PenstockError) -> None:
        self._lose_admission()
        if not self.fenced.done():
            self.fenced.set_exception(error)

    async def _leave(self, member_id: str, worker_id: str) -> int:
        """The coordinator's word on this member."""
        request = LeaveGroup(self._config.group_id, member_id, worker_id)
        answer = await self._ask(request, ConnectionGroup.COORDINATION)
        return next((code for _member_id, _worker_id, code in answer.members), NONE)

    async def _ask(self, request: Any, connection: ConnectionGroup) -> Any:
        """The coordinator's answer. Raises KafkaError where there is none."""
        if self._coordinator is None:
            self._coordinator = await self._client.coordinator_lookup(CoordinationType.GROUP, self._config.group_id)
        try:
            response = await self._client.send(self._coordinator, request, group=connection)
        except kafka.KafkaError:
            self._coordinator = None
            raise
        if response.error_code in MOVED:
            self._coordinator = None
            raise kafka.for_code(response.error_code)()
        return response
