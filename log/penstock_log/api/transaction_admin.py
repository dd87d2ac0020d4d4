"""Transactions for operators: DescribeTransactions, ListTransactions, DescribeProducers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.errors import ErrorCode, LogError
from penstock_log.replicas import Replicas
from penstock_log.transaction.transaction import Transaction, TransactionState
from penstock_log.transaction.transactions import Transactions

DESCRIBE_PRODUCERS: Final = 61
DESCRIBE_TRANSACTIONS: Final = 65
LIST_TRANSACTIONS: Final = 66


class TransactionAdminApi:
    def __init__(self, transactions: Transactions, replicas: Replicas, now_ms: Callable[[], int]) -> None:
        self._transactions = transactions
        self._replicas = replicas
        self._now_ms = now_ms

    def routes(self) -> list[Route]:
        return [
            Route(DESCRIBE_PRODUCERS, 0, 0, self.describe_producers),
            Route(DESCRIBE_TRANSACTIONS, 0, 0, self.describe_transactions),
            Route(LIST_TRANSACTIONS, 0, 1, self.list_transactions),
        ]

    async def describe_transactions(self, request: Any, context: RequestContext) -> Response:
        return {"transaction_states": [self._describe(each) for each in request.transactional_ids]}

    def _describe(self, transactional_id: str) -> dict[str, Any]:
        try:
            entry = self._transactions.find(transactional_id)
            if entry is None or entry.transaction is None:
                raise LogError(ErrorCode.transactional_id_not_found, f"there is no {transactional_id!r}")
        except LogError as refusal:
            return _NOT_DESCRIBED | {"error_code": refusal.code, "transactional_id": transactional_id}
        return _described(entry.transaction)

    async def list_transactions(self, request: Any, context: RequestContext) -> Response:
        known = {state.value for state in TransactionState}
        unknown_states = [state for state in request.state_filters if state not in known]
        try:
            listed = [
                {
                    "transactional_id": transaction.transactional_id,
                    "producer_id": transaction.producer.producer_id,
                    "transaction_state": transaction.state.value,
                }
                for transaction in self._transactions
                if self._is_asked_for(transaction, request)
            ]
        except LogError as refusal:
            return {"error_code": refusal.code, "transaction_states": []}
        return {"error_code": 0, "unknown_state_filters": unknown_states, "transaction_states": listed}

    def _is_asked_for(self, transaction: Transaction, request: Any) -> bool:
        """Filters that are empty let everything through."""
        states, producer_ids = request.state_filters, request.producer_id_filters
        duration_ms = getattr(request, "duration_filter", -1)
        runs_ms = self._now_ms() - transaction.started_ms if transaction.deadline_ms is not None else 0
        return (
            (not states or transaction.state.value in states)
            and (not producer_ids or transaction.producer.producer_id in producer_ids)
            and (duration_ms < 0 or runs_ms > duration_ms)
        )

    async def describe_producers(self, request: Any, context: RequestContext) -> Response:
        topics = [
            {
                "name": topic.name,
                "partitions": [self._producers_of(topic.name, index) for index in topic.partition_indexes],
            }
            for topic in request.topics
        ]
        return {"topics": topics}

    def _producers_of(self, topic: str, index: int) -> dict[str, Any]:
        try:
            producers = self._replicas.get(topic, index).producers()
        except LogError as error:
            refused = {"error_code": error.code, "error_message": error.message, "active_producers": []}
            return {"partition_index": index} | refused
        active = [
            {
                "producer_id": producer_id,
                "producer_epoch": state.epoch,
                "last_sequence": state.last_sequence,
                "last_timestamp": state.last_seen_ms,
                "coordinator_epoch": -1,
                "current_txn_start_offset": -1
                if state.transaction_first_offset is None
                else state.transaction_first_offset,
            }
            for producer_id, state in producers
        ]
        return {"partition_index": index, "error_code": 0, "active_producers": active}


_NOT_DESCRIBED: Final[dict[str, Any]] = {
    "transaction_state": "",
    "transaction_timeout": 0,
    "transaction_start_time": -1,
    "producer_id": -1,
    "producer_epoch": -1,
    "topics": [],
}


def _described(transaction: Transaction) -> dict[str, Any]:
    topics: dict[str, list[int]] = {}
    for topic, partition in sorted(transaction.partitions):
        topics.setdefault(topic, []).append(partition)
    return {
        "error_code": 0,
        "transactional_id": transaction.transactional_id,
        "transaction_state": transaction.state.value,
        "transaction_timeout": transaction.timeout_ms,
        "transaction_start_time": transaction.started_ms,
        "producer_id": transaction.producer.producer_id,
        "producer_epoch": transaction.producer.epoch,
        "topics": [{"topic": topic, "partitions": partitions} for topic, partitions in topics.items()],
    }
