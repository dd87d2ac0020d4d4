"""InitProducerId: the identity by which a producer's batches are told apart, and its predecessors fenced."""

from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.api.transactions import fencing_error
from penstock_log.controller.producer_ids import ProducerIds
from penstock_log.errors import LogError
from penstock_log.storage.control import Producer
from penstock_log.transaction.coordinator import TransactionCoordinator

INIT_PRODUCER_ID: Final = 22
_MAX_PRODUCER_EPOCH: Final = (1 << 15) - 1
_PRODUCER_FENCED: Final = 4


class ProducersApi:
    """Transactional producers get their identity from the transaction coordinator, others a fresh id."""

    def __init__(self, producer_ids: ProducerIds, coordinator: TransactionCoordinator) -> None:
        self._producer_ids = producer_ids
        self._coordinator = coordinator

    def routes(self) -> list[Route]:
        return [Route(INIT_PRODUCER_ID, 0, 5, self.init_producer_id)]

    async def init_producer_id(self, request: Any, context: RequestContext) -> Response:
        expected = Producer(getattr(request, "producer_id", -1), getattr(request, "producer_epoch", -1))
        try:
            if request.transactional_id is None:
                producer = await self._idempotent(expected)
            else:
                timeout_ms = round(request.transaction_timeout.total_seconds() * 1000)
                producer = await self._coordinator.init_producer(request.transactional_id, timeout_ms, expected)
        except LogError as error:
            return {"error_code": fencing_error(error, context, since=_PRODUCER_FENCED), "producer_epoch": -1}
        return {"error_code": 0, "producer_id": producer.producer_id, "producer_epoch": producer.epoch}

    async def _idempotent(self, expected: Producer) -> Producer:
        """A producer that lost track of its sequence goes on under the next epoch of its id (KIP-360)."""
        if expected.producer_id >= 0 and 0 <= expected.epoch < _MAX_PRODUCER_EPOCH:
            return Producer(expected.producer_id, expected.epoch + 1)
        return Producer(await self._producer_ids.next(), 0)
