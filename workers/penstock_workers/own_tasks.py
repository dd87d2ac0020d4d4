"""The tasks that this worker has been given, under which epoch, and the moments at which it must not run them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from penstock_workers.cluster.leader import is_made_for
from penstock_workers.cluster.members import View
from penstock_workers.desired import DesiredConnector
from penstock_workers.plans import Plans
from penstock_workers.reconcile import Runs
from penstock_workers.status import TaskId
from penstock_workers.store.tables import Tables


class OwnTasks:
    def __init__(self, worker_id: str, tables: Tables, plans: Plans) -> None:
        self._worker_id = worker_id
        self._tables = tables
        self._plans = plans
        self._given: dict[TaskId, int] = {}
        """The epoch under which each task that runs was given to this worker."""
        self._read = asyncio.Event()
        """Perhaps: something was."""
        self.are_admitted = False
        """From the first admission on this worker runs what it is given; before, nothing."""

    def here(self, runs: Runs) -> Mapping[str, DesiredConnector]:
        """What this worker has to run. `runs`: what it runs."""
        if not self.are_admitted:
            return {}
        self._given = {task: epoch for task, epoch in self._given.items() if task in runs}
        here = self._plans.here(self._given)
        for task, where in self._tables.assignments.current.tasks.items():
            if (connector := here.get(task.connector)) and connector.here and task.task in connector.here:
                self._given.setdefault(task, where.epoch)
        return here

    async def lost(self, view: View, runs: Runs) -> list[TaskId]:
        """Of what runs here, that which others may have been given: by the assignment of this generation, once read."""
        while not is_made_for(self._tables.assignments.current, view):
            await self._read.wait()
            self._read.clear()
        places = self._tables.assignments.current.tasks
        mine = {task: where.epoch for task, where in places.items() if where.worker == self._worker_id}
        return [task for task in runs if mine.get(task) != self._given.get(task, 0)]

    def has_places(self) -> bool:
        """Tasks are its own, or it has yet to stop them."""
        assignment = self._tables.assignments.current
        places = (*assignment.tasks.values(), *assignment.revoking.values())
        return any(where.worker == self._worker_id for where in places)

    def are_kept(self) -> bool:
        """The others know that this worker will be back."""
        return self._worker_id in self._tables.assignments.current.away

    def wake(self) -> None:
        """An assignment may have been read."""
        self._read.set()
