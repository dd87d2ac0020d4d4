"""All that a node does for transactions, put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from penstock_log.controller.controller import Controller
from penstock_log.coordination.internal_topic import InternalTopic
from penstock_log.group.service import OFFSETS_TOPIC, GroupService
from penstock_log.replicas import Replicas
from penstock_log.transaction.config import TransactionConfig
from penstock_log.transaction.coordinator import TransactionCoordinator
from penstock_log.transaction.marking import Marking
from penstock_log.transaction.transactions import Transactions

TRANSACTIONS_TOPIC = "__transaction_state"


class TransactionService:
    """The transactions of a node and their coordinator. `start` after the replicas are open."""

    def __init__(
        self,
        controller: Controller,
        replicas: Replicas,
        groups: GroupService,
        settings: Mapping[str, str],
        next_producer_id: Callable[[], Awaitable[int]],
        now_ms: Callable[[], int],
    ) -> None:
        config = TransactionConfig.from_strings(settings)
        topic = InternalTopic(TRANSACTIONS_TOPIC, config.transaction_state_log_num_partitions, controller, replicas)
        self.transactions = Transactions(topic, now_ms)
        self.marking = Marking(replicas, groups.offsets, OFFSETS_TOPIC, now_ms)
        self.coordinator = TransactionCoordinator(self.transactions, self.marking, config, next_producer_id, now_ms)

    def start(self) -> None:
        self.coordinator.start()

    async def stop(self) -> None:
        await self.coordinator.stop()
