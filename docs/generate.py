"""Writes the reference pages from what the code itself says: `python docs/generate.py`, or with --check only compares.

They are committed, so that they can be read where the code lies; a test says when one is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from writers.command_line import command_line
from writers.errors import error_codes
from writers.log import api_versions, broker_configs, topic_configs
from writers.options import connectors, worker
from writers.rest import rest

REFERENCE = Path(__file__).parent / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "worker.md": worker,
    "connectors.md": connectors,
    "topic-configs.md": topic_configs,
    "broker-configs.md": broker_configs,
    "rest.md": rest,
    "command-line.md": command_line,
    "api-versions.md": api_versions,
    "error-codes.md": error_codes,
}
NOTE = "<!-- Written by `make generate`; change the code that it is taken from, not this page. -->\n\n"


def main(arguments: list[str]) -> int:
    """The exit code: with --check, 1 where a page is not what the code says today."""
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, NOTE + page().rstrip("\n") + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    unknown = sorted(path.name for path in REFERENCE.iterdir() if path.name not in PAGES)
    if "--check" not in arguments:
        return 0
    for name in stale + unknown:
        sys.stderr.write(f"docs/reference/{name} is out of date, or nothing writes it: run `make generate`\n")
    return 1 if stale or unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
