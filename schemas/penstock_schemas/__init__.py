"""JSON Schemas (2020-12) of what is configured, and the OpenAPI description of the REST API."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any


@functools.cache
def load(name: str) -> dict[str, Any]:
    """A document by its file name without `.json`: `load("worker.schema")`. Callers share it: do not change it."""
    document: dict[str, Any] = json.loads(resources.files(__name__).joinpath(f"{name}.json").read_bytes())
    return document
