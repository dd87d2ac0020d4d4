"""What should run, as the tables say it together: in the whole cluster, on this worker, and as its leader places it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from uuid import uuid4

from penstock_workers.cluster.leader import Wanted, WantedTask
from penstock_workers.connector_config import number_of
from penstock_workers.desired import DesiredConnector, StringMap, desired_connector, find_in_cluster, given_to
from penstock_workers.errors import UnknownConnector
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import TargetState, TaskId
from penstock_workers.store.configs import task_records, written_once_more
from penstock_workers.store.records import TableRecord
from penstock_workers.store.tables import Tables

LEAST_WEIGHT = 0.01


class Plans:
    """Worked out anew after a change of the configurations, and kept until the next."""

    def __init__(self, tables: Tables, worker_id: str, known_workers: Callable[[], Collection[str]]) -> None:
        """`known_workers`: those that are there, or will be back; what others said before they left means nothing."""
        self._tables = tables
        self._known_workers = known_workers
        self._plugins: Mapping[str, Sequence[PluginInfo]] = {}
        """Of each of those, as of the last look."""
        self._worker_id = worker_id
        self._desired: Mapping[str, DesiredConnector] = {}
        self._is_current = False
        self._wanted: Wanted | None = None

    def configs_changed(self) -> None:
        self._is_current, self._wanted = False, None

    def desired(self) -> Mapping[str, DesiredConnector]:
        """All connectors of the cluster."""
        plugins = self._plugins_of_known()
        if plugins != self._plugins:
            self._plugins, self._desired = plugins, {}
            self.configs_changed()
        if not self._is_current:
            self._desired = {name: self._as_it_is_now(name) for name in self._tables.configs.configs}
            self._is_current = True
        return self._desired

    def _as_it_is_now(self, name: str) -> DesiredConnector:
        """Of a thousand connectors one has changed: the others are kept, for to work one out costs far more."""
        table, request = self._tables.configs, self._tables.split_requests.rows.get(name, "")
        before = self._desired.get(name)
        if (
            before is not None
            and before.config is table.configs[name]
            and before.tasks is table.tasks(name)
            and before.target_state is table.target_state(name)
            and before.split_request == request
        ):
            return before
        return desired_connector(name, table, self._plugins, request)

    def one(self, name: str) -> DesiredConnector:
        """Raises UnknownConnector."""
        try:
            return self.desired()[name]
        except KeyError:
            raise UnknownConnector(name) from None

    def here(self, running: Mapping[TaskId, int]) -> Mapping[str, DesiredConnector]:
        """What this worker has to run: see `given_to`."""
        return given_to(self._worker_id, self.desired(), self._tables.assignments.current, running)

    def wanted(self) -> Wanted:
        """What the leader has to find places for."""
        desired = self.desired()
        if self._wanted is None:
            self._wanted = {
                TaskId(connector.name, number): WantedTask(
                    _weight(connector.config), connector.task_set, connector.workers
                )
                for name, connector in desired.items()
                for number in range(len(connector.tasks))
            }
        return self._wanted

    def tasks_of(self, name: str, config: StringMap, state: TargetState) -> Sequence[StringMap]:
        """What its tasks should be with this configuration and state, until the leader has had them divided anew."""
        plugin, _ = find_in_cluster(config, self._plugins_of_known())
        return DesiredConnector(name, config, state, self._tables.configs.tasks(name), plugin).planned_tasks()

    def divided_here(self, leader: str) -> Mapping[str, DesiredConnector]:
        """Those whose sources this worker has to ask how to divide their work: as the leader, or in its place where it
        lacks the class."""
        return {
            name: connector
            for name, connector in self.desired().items()
            if self._worker_id == (leader if leader in connector.workers else min(connector.workers, default=""))
        }

    def unplanned(self) -> list[TableRecord]:
        """What the leader has to write of connectors that another program wrote, or two workers at the same time."""
        table, desired = self._tables.configs, self.desired()
        contested = table.claims.contested
        records = [record for name in desired if name not in contested for record in replanned(desired[name])]
        for name in contested:
            records += written_once_more(table, name, uuid4().hex)
        return records

    def _plugins_of_known(self) -> dict[str, Sequence[PluginInfo]]:
        told = self._tables.plugins.rows
        return {worker: told[worker] for worker in self._known_workers() if worker in told}


def replanned(connector: DesiredConnector) -> list[TableRecord]:
    """The records of its tasks, where those in the log are not what they should be."""
    planned = connector.planned_tasks()
    if planned == list(connector.tasks):
        return []
    return list(task_records(connector.name, planned))


def _weight(config: StringMap) -> float:
    return max(LEAST_WEIGHT, number_of(config, "task.weight"))
