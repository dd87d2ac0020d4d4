"""The demonstration: logs that grow and rotate, tailed into topics, and one topic written out again."""

from __future__ import annotations

import sys
from pathlib import Path

RATE_PER_SECOND = 500
ROTATE_BYTES = 4_000_000


def writer_command(data_dir: Path) -> list[str]:
    """The process that writes and rotates the example logs."""
    folder = str(data_dir / "demo" / "logs")
    return [
        *(sys.executable, "-P", "-m", "penstock_generator.logs", folder),
        *("--rate", str(RATE_PER_SECOND), "--rotate-bytes", str(ROTATE_BYTES)),
    ]


def connectors(data_dir: Path) -> dict[str, dict[str, str]]:
    """The demonstration's connectors by name, as anybody would post them."""
    logs = (data_dir / "demo" / "logs").absolute()
    return {
        "demo-access-logs": {
            "connector.class": "penstock_file.FileSource",
            "paths": f"{logs}/access.log*",
            "topic": "access-logs",
        },
        "demo-application-logs": {
            "connector.class": "penstock_file.FileSource",
            "paths": f"{logs}/application.log*",
            "topic": "application-logs",
        },
        "demo-archive": {
            "connector.class": "penstock_file.FileSink",
            "topics": "access-logs",
            "directory": str((data_dir / "demo" / "archive").absolute()),
        },
    }
