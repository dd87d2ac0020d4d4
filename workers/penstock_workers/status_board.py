"""What this worker says of connectors and tasks: to those who ask it, and to all in the status topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penstock_workers.cluster.statuses import published_by_leader, published_by_owner, seen_from_afar
from penstock_workers.desired import DesiredConnector
from penstock_workers.plans import Plans
from penstock_workers.reconcile import Runs, statuses
from penstock_workers.status import ConnectorStatus, State, Status, TaskId, TaskStatus
from penstock_workers.store.statuses import Statuses, Subject
from penstock_workers.store.tables import Tables


class StatusBoard:
    def __init__(self, worker_id: str, tables: Tables, plans: Plans, runs: Runs) -> None:
        """`runs`: those of this worker, as they change."""
        self._worker_id = worker_id
        self._tables = tables
        self._plans = plans
        self._runs = runs

    def of(self, connector: DesiredConnector, leader: str) -> ConnectorStatus:
        name = connector.name
        found = self._found({name: connector})
        tasks = [
            TaskStatus(number, self._of_task(TaskId(name, number), found, leader))
            for number in range(len(connector.tasks))
        ]
        published = self._tables.statuses.statuses.get(name)
        if connector.needs_split and published and published.state is State.FAILED:
            return ConnectorStatus(name, connector.type, published, tasks)
        generation = published.generation if published else self._tables.assignments.current.epoch
        of_connector = replace(found[name], worker_id=leader, generation=generation)
        return ConnectorStatus(name, connector.type, of_connector, tasks)

    async def publish(self) -> None:
        """Those of the tasks that this worker has."""
        await self._write(self._own())

    async def publish_last(self) -> None:
        """The worker has stopped: nothing of what it had runs."""
        active = (State.RUNNING, State.RESTARTING)
        last = {
            subject: replace(status, state=State.UNASSIGNED) if status.state in active else status
            for subject, status in self._own().items()
        }
        await self._write(last)

    async def publish_as_leader(self, since_epoch: int, split_errors: Mapping[str, str]) -> None:
        """Those of connectors, and of tasks that nobody has; away with those of what is gone."""
        assignment = self._tables.assignments.current
        found = self._found(self._plans.desired())
        for name in split_errors.keys() & found.keys():
            found[name] = replace(found[name], state=State.FAILED, trace=split_errors[name])
        await self._write(published_by_leader(found, assignment, self._worker_id, since_epoch))
        known = {*found, *assignment.tasks, *assignment.revoking}
        if records := self._tables.statuses.removal(known):
            await self._tables.status_log.write(records)

    def _of_task(self, task: TaskId, found: Statuses, leader: str) -> Status:
        assignment = self._tables.assignments.current
        where = assignment.tasks.get(task)
        if where is not None and where.worker == self._worker_id:
            return replace(found[task], generation=where.epoch)
        if where is None and found[task].state is State.FAILED:  # nobody has its class
            return replace(found[task], worker_id=leader, generation=assignment.epoch)
        return seen_from_afar(task, assignment, self._tables.statuses.statuses, leader)

    def _own(self) -> Statuses:
        found = self._found(self._plans.desired())
        return published_by_owner(found, self._tables.assignments.current, self._runs, self._worker_id)

    def _found(self, desired: Mapping[str, DesiredConnector]) -> dict[Subject, Status]:
        """As if all of them were this worker's."""
        return statuses(desired, self._runs, self._worker_id, 0)

    async def _write(self, wanted: Statuses) -> None:
        if records := self._tables.statuses.difference(wanted):
            await self._tables.status_log.write(records)
