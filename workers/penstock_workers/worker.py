"""The worker: what REST and the command line call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock_workers.config import WorkerConfig
from penstock_workers.plugins import PluginInfo
from penstock_workers.status import (
    ConnectorInfo,
    ConnectorStatus,
    TargetState,
    TaskId,
    TaskInfo,
    TaskMetrics,
)


class Worker:
    """Runs the connectors that the internal topics ask for.

    Reads answer from memory and never wait. Writes return once the change is in the log and applied here; they
    raise LogUnavailable after `write.timeout.seconds`. Connector code never runs here, nor is it imported.
    """

    def __init__(self, config: WorkerConfig, plugins: Sequence[PluginInfo]) -> None: ...

    kafka_cluster_id: str
    """Known once started."""

    async def start(self) -> None:
        """Read the internal topics, creating those that are missing, and run what they ask for."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stop all tasks gracefully, keep what is wanted in the log. Never raises."""
        raise NotImplementedError

    def connectors(self) -> list[str]:
        """Names, in order."""
        raise NotImplementedError

    def info(self, name: str) -> ConnectorInfo:
        """Raises UnknownConnector, as all below."""
        raise NotImplementedError

    def status(self, name: str) -> ConnectorStatus:
        raise NotImplementedError

    def tasks(self, name: str) -> Sequence[TaskInfo]:
        raise NotImplementedError

    def metrics(self) -> Mapping[TaskId, TaskMetrics]:
        raise NotImplementedError

    async def create(
        self, name: str, config: Mapping[str, str], initial_state: TargetState = TargetState.RUNNING
    ) -> ConnectorInfo:
        """Raises ConnectorExists. The configuration has been validated by the caller."""
        raise NotImplementedError

    async def put_config(self, name: str, config: Mapping[str, str]) -> bool:
        """Create or replace; True where it was created."""
        raise NotImplementedError

    async def delete(self, name: str) -> None:
        """Positions are kept: a connector created again under this name goes on where it was."""
        raise NotImplementedError

    async def set_target_state(self, name: str, state: TargetState) -> None:
        raise NotImplementedError

    async def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> ConnectorStatus:
        """Answers the status with RESTARTING where something restarts."""
        raise NotImplementedError

    async def restart_task(self, name: str, task: int) -> None:
        """Raises UnknownTask."""
        raise NotImplementedError
