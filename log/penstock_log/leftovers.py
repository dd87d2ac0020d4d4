"""What lies in a data directory and belongs to no topic: deleted half-way, moved aside, or forgotten."""

import shutil
from collections.abc import Set as AbstractSet
from pathlib import Path

import structlog

from penstock_log.partition.identity import METADATA_NAME, STRAY_SUFFIX
from penstock_log.storage.partition_log import DELETED_DIRECTORY_SUFFIX

__all__ = ["remove_leftovers"]

log = structlog.get_logger()


def remove_leftovers(data_dir: Path, topics: AbstractSet[str]) -> None:
    """Finish deletions that a crash interrupted. What else nobody knows is reported and left alone: that the metadata
    does not know data is no proof that nobody wants it."""
    for directory in sorted(data_dir.iterdir()):
        if directory.name.endswith(DELETED_DIRECTORY_SUFFIX):
            shutil.rmtree(directory, ignore_errors=True)
            log.info("removed what was left of a deleted partition", directory=str(directory))
        elif directory.name.endswith(STRAY_SUFFIX) or _is_unknown(directory, topics):
            log.warning("a directory belongs to no topic; remove it by hand", directory=str(directory))


def _is_unknown(directory: Path, topics: AbstractSet[str]) -> bool:
    """Whether it is a partition's, by name and content, of no topic that there is."""
    topic, _, index = directory.name.rpartition("-")
    is_partition = index.isdecimal() and (directory / METADATA_NAME).exists()
    return is_partition and topic not in topics and not topic.startswith("__cluster_metadata")
