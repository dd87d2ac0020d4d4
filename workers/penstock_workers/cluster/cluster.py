"""The worker's part in its cluster, in one piece: member, peer, leader where that is its turn, holder of a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

import structlog

from penstock_workers.cluster.group import GroupMember
from penstock_workers.cluster.leadership import Leadership
from penstock_workers.cluster.members import Member, View
from penstock_workers.cluster.peers import Peers
from penstock_workers.config import WorkerConfig
from penstock_workers.lease import Lease

log = structlog.get_logger()


class Cluster:
    def __init__(
        self,
        config: WorkerConfig,
        lease: Lease,
        leadership: Leadership,
        *,
        admit: Callable[[View], Awaitable[None]],
        on_view: Callable[[], None],
    ) -> None:
        """`admit`: see GroupMember. `on_view` follows each change of `view`."""
        self._config = config
        self._lease = lease
        self.leadership = leadership
        self._admit = admit
        self._on_view = on_view
        self.view: View | None = None
        """None until this worker has joined."""
        self._peers = Peers(self._on_death)
        self._removals: set[asyncio.Task[None]] = set()
        self._member: GroupMember | None = None

    def start(self) -> None:
        self._member = GroupMember(self._config, self._config.url, self._lease, admit=self._admit, on_view=self._follow)
        self._member.start()

    async def stop(self) -> None:
        """Also where it never started."""
        if self._member is None:
            return
        await self.leadership.stop()
        await self._peers.stop()
        await self._member.stop()

    async def lost(self) -> None:
        """Returns only by raising why this worker can be no member of its cluster."""
        assert self._member is not None
        await asyncio.shield(self._member.fenced)

    @property
    def is_lost(self) -> bool:
        """This worker is no member any more, and will be none."""
        return self._member is not None and self._member.fenced.done()

    def drain(self) -> None:
        """Have the leader move all tasks of this worker to the others."""
        if self._member is not None:
            self._member.drain()

    def go_away(self) -> None:
        """Have the leader keep all tasks of this worker for it."""
        if self._member is not None:
            self._member.go_away()

    @property
    def others(self) -> list[Member]:
        """The members that take tasks, but for this one."""
        members = self.view.members.values() if self.view else ()
        me = self._config.id
        return [each for each in members if each.worker_id != me and not each.draining and not each.away_ms]

    @property
    def worker_ids(self) -> Collection[str]:
        """Of all members."""
        return self.view.members if self.view else ()

    @property
    def are_others(self) -> bool:
        """There are other members, whatever they are about to do."""
        return any(worker_id != self._config.id for worker_id in self.worker_ids)

    def _follow(self, view: View) -> None:
        if self.view is None or view.members.keys() != self.view.members.keys() or view.leader != self.view.leader:
            log.info("worker group", leader=view.leader, members=sorted(view.members))
        self.view = view
        self.leadership.follow(view)
        self._peers.watch(self._watched(view))
        self._on_view()

    def _watched(self, view: View) -> list[Member]:
        """The leader watches all, all watch the leader: that is enough for each death to be seen."""
        me = self._config.id
        watched = [member for member in view.members.values() if member.worker_id != me and not member.away_ms]
        return watched if view.leader == me else [member for member in watched if member.worker_id == view.leader]

    def _on_death(self, member: Member) -> None:
        log.warning("a worker's process is gone", worker=member.worker_id)
        removal = asyncio.create_task(self._remove(member), name=f"remove {member.worker_id}")
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)

    async def _remove(self, member: Member) -> None:
        assert self._member is not None
        if not await self._member.remove(member):
            return
        if self.view is not None and self.view.leader == self._config.id:
            self._follow(self.view.without(member))
        self._member.rejoin()
