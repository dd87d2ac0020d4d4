"""Calls of a worker's REST API, as any HTTP client makes them."""

import json
import urllib.request
from typing import Any


def call_rest(
    port: int, method: str, path: str, body: Any = None, timeout_seconds: float = 40.0, host: str = "127.0.0.1"
) -> Any:
    """The JSON of the answer, None where it is empty. An HTTPError where it is none of success."""
    request = urllib.request.Request(
        f"http://{host}:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
        text = response.read()
        return json.loads(text) if text else None
