"""What is said when a partition's disk fails: to its clients each time, to the operator once until it works again."""

from pathlib import Path

import structlog

from penstock_log.errors import ErrorCode, LogError

__all__ = ["StorageFailures"]

logger = structlog.get_logger()


class StorageFailures:
    """Of one partition."""

    def __init__(self, partition: str, directory: Path) -> None:
        self._partition = partition
        self._directory = directory
        self._is_failing = False

    def error(self, what: str, cause: OSError) -> LogError:
        """The error to raise."""
        if not self._is_failing:
            self._is_failing = True
            logger.error(
                f"a partition {what}", partition=self._partition, directory=str(self._directory), error=str(cause)
            )
        return LogError(
            ErrorCode.kafka_storage_error,
            f"partition {self._partition} {what} ({cause}); free or repair the disk of {self._directory}: "
            "it goes on by itself",
        )

    def works(self) -> None:
        """The disk has just done what it should."""
        if self._is_failing:
            self._is_failing = False
            logger.info("a partition works again", partition=self._partition)

    def report_unclean_close(self, cause: BaseException) -> None:
        """What was acknowledged is on disk already; the next start recovers as after a crash."""
        logger.error("cannot close a partition cleanly", directory=str(self._directory), error=str(cause))

    def report_failed_cut(self, cause: OSError) -> None:
        """The next append tries again before it writes."""
        logger.error("cannot cut back a log", directory=str(self._directory), error=str(cause))

    def report_failed_compaction(self, reason: str) -> None:
        """The old segments stay."""
        logger.error("cannot compact a partition", directory=str(self._directory), error=reason)
