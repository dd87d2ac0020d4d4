"""Which topic a directory belongs to: Kafka's partition.metadata, so that no topic ever serves another one's records.

A topic may be deleted and created again under its name while this node was down, or just before it crashed.
"""

import base64
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog

from penstock_log.storage.durable import write_then_rename

__all__ = ["METADATA_NAME", "STRAY_SUFFIX", "claim_directory"]

METADATA_NAME: Final = "partition.metadata"
STRAY_SUFFIX: Final = "-stray"

logger = structlog.get_logger()


def claim_directory(directory: Path, topic_id: UUID) -> None:
    """Make `directory` this topic's. What another topic left there is moved aside and not deleted: that the metadata
    does not know data is no proof that nobody wants it."""
    owner = _read_owner(directory)
    if owner == topic_id:
        return
    if owner is not None:
        aside = directory.with_name(f"{directory.name}.{owner.hex}{STRAY_SUFFIX}")
        directory.rename(aside)
        logger.warning("moved aside a directory of a deleted topic; remove it by hand", directory=str(aside))
    directory.mkdir(parents=True, exist_ok=True)
    # The names become durable with the log's first flush, before any record of this topic is acknowledged.
    encoded = base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
    write_then_rename(directory / METADATA_NAME, f"version: 0\ntopic_id: {encoded}\n".encode())


def _read_owner(directory: Path) -> UUID | None:
    """None for a new directory, and for one whose file is not readable: its log is taken as it is."""
    try:
        line = (directory / METADATA_NAME).read_text().splitlines()[1]
        return UUID(bytes=base64.urlsafe_b64decode(line.removeprefix("topic_id: ") + "=="))
    except (FileNotFoundError, IndexError, ValueError):
        return None
