"""The logs on which the workers are tested: ours, and Apache Kafka where one is given."""

from __future__ import annotations

import os
import uuid

import pytest


@pytest.fixture(params=["apache-kafka"])
def kafka(request: pytest.FixtureRequest) -> str:
    """`bootstrap.servers` of a running log."""
    servers = os.environ.get("PENSTOCK_TEST_KAFKA")
    if servers is None:
        pytest.skip("PENSTOCK_TEST_KAFKA names no Apache Kafka")
    return servers


@pytest.fixture
def topic() -> str:
    """A name that no other test uses."""
    return f"topic-{uuid.uuid4().hex[:12]}"
