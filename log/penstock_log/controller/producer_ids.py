"""Ids for producers, from blocks that the controller allocates: no id is given twice, even after a crash."""

from collections.abc import Iterator

from penstock_log.controller.controller import Controller


class ProducerIds:
    """The ids of one node."""

    def __init__(self, controller: Controller, node_id: int) -> None:
        self._controller = controller
        self._node_id = node_id
        self._ids: Iterator[int] = iter(())

    async def next(self) -> int:
        while True:
            for producer_id in self._ids:
                return producer_id
            self._ids = iter(await self._controller.allocate_producer_ids(self._node_id))
