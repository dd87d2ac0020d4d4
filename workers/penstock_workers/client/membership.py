"""A named place in a consumer group: static membership (KIP-345), made of aiokafka's coordinator.

aiokafka names the instance where it joins and nowhere else, and after each "unknown member" it joins again: two
processes of one name would throw each other out for ever. Here the one that was thrown out stays out.
"""

# mypy: disable-error-code="no-untyped-call"
# aiokafka's classes have no types, and one of them is a base here.

from __future__ import annotations

from typing import Any

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

log = structlog.get_logger()


class MemberFenced(KafkaError):
    """Another has this member's place, or its session ended."""


class Membership(GroupCoordinator):
    def __init__(
        self, client: AIOKafkaClient, subscription: SubscriptionState, *, group: str, instance: str, **options: Any
    ) -> None:
        super().__init__(client, subscription, group_id=group, group_instance_id=instance, **options)
        self._confirmed = False
        """It has led the group, or asked once more."""

    def reset_generation(self) -> None:
        """The group does not know this member, or not of this generation. Raises MemberFenced to whoever made the
        request: the heartbeats' task, the joining, a commit."""
        if self._closing.done() or self.generation < 0:
            super().reset_generation()
        else:
            raise MemberFenced(f"{self._group_instance_id} is no longer a member of {self.group_id}")

    async def _perform_assignment(self, response: Any) -> Any:
        self._confirmed = True
        return await super()._perform_assignment(response)

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        """Who takes a place is given what its predecessor had, without a rebalance. If that one led the group, nobody
        leads it now, and new partitions would stay unseen: whoever asks again becomes the leader if the place is the
        leader's, and is given the same once more if not."""
        joined: bool = await super()._do_rejoin_group(subscription)
        if joined and not self._confirmed:
            self._confirmed = True
            joined = await super()._do_rejoin_group(subscription)
        return joined

    async def _on_join_complete(self, generation: int, member_id: str, protocol: str, assignment: bytes) -> None:
        if self._confirmed:
            await super()._on_join_complete(generation, member_id, protocol, assignment)

    async def _maybe_leave_group(self) -> None:
        """aiokafka's leaves a named place taken until the session ends."""
        if self.generation > 0:
            try:
                await self._send_req(LeaveGroupRequest(self.group_id, self.member_id))
            except KafkaError as error:
                log.info("group not left, its session will end", group=self.group_id, error=repr(error))
        super().reset_generation()
