"""InitProducerId: the identity by which an idempotent producer's batches are told apart."""

from collections.abc import Iterator
from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.controller.controller import Controller
from penstock_log.errors import ErrorCode, LogError

INIT_PRODUCER_ID: Final = 22
_MAX_PRODUCER_EPOCH: Final = (1 << 15) - 1


class ProducersApi:
    """Gives out ids from blocks that the controller allocates, so that no id is given twice, even after a crash."""

    def __init__(self, controller: Controller, node_id: int) -> None:
        self._controller = controller
        self._node_id = node_id
        self._ids: Iterator[int] = iter(())

    def routes(self) -> list[Route]:
        return [Route(INIT_PRODUCER_ID, 0, 5, self.init_producer_id)]

    async def init_producer_id(self, request: Any, context: RequestContext) -> Response:
        if request.transactional_id is not None:
            # There is no transaction coordinator yet; a code that clients retry would keep them waiting for ever.
            return {"error_code": ErrorCode.invalid_request, "producer_epoch": -1}
        producer_id = getattr(request, "producer_id", -1)
        producer_epoch = getattr(request, "producer_epoch", -1)
        # A producer that lost track of its sequence goes on under the next epoch of its id (KIP-360).
        if producer_id >= 0 and 0 <= producer_epoch < _MAX_PRODUCER_EPOCH:
            return {"error_code": 0, "producer_id": producer_id, "producer_epoch": producer_epoch + 1}
        try:
            return {"error_code": 0, "producer_id": await self.next_producer_id(), "producer_epoch": 0}
        except LogError as error:
            return {"error_code": error.code, "producer_epoch": -1}

    async def next_producer_id(self) -> int:
        while True:
            for producer_id in self._ids:
                return producer_id
            self._ids = iter(await self._controller.allocate_producer_ids(self._node_id))
