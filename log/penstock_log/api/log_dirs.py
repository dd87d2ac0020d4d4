"""Where partitions lie on disk, and how large they are: DescribeLogDirs, AlterReplicaLogDirs."""

import shutil
from pathlib import Path
from typing import Any, Final

from penstock_log.api.registry import RequestContext, Response, Route
from penstock_log.errors import ErrorCode, LogError
from penstock_log.replicas import Replicas

ALTER_REPLICA_LOG_DIRS: Final = 34
DESCRIBE_LOG_DIRS: Final = 35


class LogDirsApi:
    """A node has one data directory, which is one log dir in Kafka's words."""

    def __init__(self, replicas: Replicas, data_dir: Path) -> None:
        self._replicas = replicas
        self._data_dir = data_dir

    def routes(self) -> list[Route]:
        return [
            Route(ALTER_REPLICA_LOG_DIRS, 1, 2, self.alter_replica_log_dirs),
            Route(DESCRIBE_LOG_DIRS, 1, 4, self.describe_log_dirs),
        ]

    async def describe_log_dirs(self, request: Any, context: RequestContext) -> Response:
        wanted = None
        if request.topics is not None:
            wanted = {(topic.topic, index) for topic in request.topics for index in topic.partitions}
        topics: dict[str, list[dict[str, Any]]] = {}
        for partition in self._replicas.all():
            if wanted is None or (partition.topic, partition.index) in wanted:
                topics.setdefault(partition.topic, []).append(
                    {
                        "partition_index": partition.index,
                        "partition_size": partition.size_bytes,
                        "offset_lag": 0,
                        "is_future_key": False,
                    }
                )
        disk = shutil.disk_usage(self._data_dir)
        log_dir = {
            "error_code": 0,
            "log_dir": str(self._data_dir),
            "topics": [{"name": name, "partitions": partitions} for name, partitions in topics.items()],
            "total_bytes": disk.total,
            "usable_bytes": disk.free,
        }
        return {"error_code": 0, "results": [log_dir]}

    async def alter_replica_log_dirs(self, request: Any, context: RequestContext) -> Response:
        """There is nowhere to move to: only a move to where a partition is already succeeds."""
        return {
            "results": [
                {
                    "topic_name": topic.name,
                    "partitions": [
                        {"partition_index": index, "error_code": self._check_move(topic.name, index, directory.path)}
                        for index in topic.partitions
                    ],
                }
                for directory in request.dirs
                for topic in directory.topics
            ]
        }

    def _check_move(self, topic: str, index: int, path: str) -> ErrorCode:
        try:
            self._replicas.get(topic, index)
        except LogError as error:
            return error.code
        return ErrorCode.none if Path(path) == self._data_dir else ErrorCode.log_dir_not_found
