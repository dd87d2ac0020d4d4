"""Writes the schemas that are derived from configuration classes: `python schemas/generate.py`.

They are committed, so that they can be read and fetched without running anything; a test says when one is out of date.
`openapi.json` is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from penstock_workers.config import CommonConnectorConfig, WorkerConfig

FOLDER = Path(__file__).parent / "penstock_schemas"


def derived() -> dict[str, dict[str, Any]]:
    """Each document by the name under which `penstock_schemas.load` finds it."""
    schemas = {
        "worker.schema": WorkerConfig.json_schema(),
        "connector-common.schema": CommonConnectorConfig.json_schema(),
    }
    return {name: json.loads(json.dumps(schema)) for name, schema in schemas.items()}


if __name__ == "__main__":
    for name, document in derived().items():
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
