"""Levels of loggers by REST: of this worker, and of all workers of the cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from tests.platform.rest.conftest import Api, until

from penstock_workers.worker import Worker

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def name() -> Iterator[str]:
    """A logger of its own, with one below it."""
    name = f"logger{uuid4().hex}"
    logging.getLogger(f"{name}.below").setLevel(logging.ERROR)
    yield name
    logging.getLogger(name).setLevel(logging.NOTSET)


async def test_a_level_holds_for_all_below(api: Api, name: str) -> None:
    assert (await api.call("GET", f"/admin/loggers/{name}.below")).json == {"level": "ERROR", "last_modified": None}
    await api.refused(404, "unknown-logger", "GET", f"/admin/loggers/{name}")
    answer = await api.call("PUT", f"/admin/loggers/{name}", {"level": "debug"})
    assert (answer.status, answer.json) == (200, [name, f"{name}.below"])
    assert (await api.call("PUT", f"/admin/loggers/{name}", {"level": "DEBUG"})).json == [], "nothing changed"
    assert logging.getLogger(f"{name}.below").isEnabledFor(logging.DEBUG)
    levels = (await api.call("GET", "/admin/loggers")).json
    assert levels[name]["level"] == levels[f"{name}.below"]["level"] == "DEBUG"
    assert levels[name]["last_modified"] > 0
    assert levels["root"]["last_modified"] is None


@pytest.mark.parametrize("level", ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"])
async def test_each_level_comes_back_by_its_name(api: Api, name: str, level: str) -> None:
    await api.call("PUT", f"/admin/loggers/{name}?scope=worker", {"level": level})
    assert (await api.call("GET", f"/admin/loggers/{name}")).json["level"] == level


async def test_a_level_of_the_cluster_comes_through_the_log(api: Api, name: str) -> None:
    assert (await api.call("PUT", f"/admin/loggers/{name}?scope=Cluster", {"level": "WARN"})).status == 204

    async def is_set() -> bool:
        return logging.getLogger(name).level == logging.WARNING

    await until(is_set)


async def test_a_worker_that_starts_later_has_its_own_levels(api: Api, worker: Worker, name: str) -> None:
    await api.call("PUT", f"/admin/loggers/{name}?scope=cluster", {"level": "WARN"})
    logging.getLogger(name).setLevel(logging.INFO)
    later = Worker(worker._config, [])
    await later._tables.start()
    await later._tables.stop()
    assert logging.getLogger(name).level == logging.INFO


async def test_mistakes(api: Api, name: str) -> None:
    path = f"/admin/loggers/{name}"
    error = await api.refused(404, "unknown-logger-level", "PUT", path, {"level": "LOUD"})
    assert error["message"] == "invalid log level 'LOUD'."
    await api.refused(404, "unknown-logger-level", "PUT", f"{path}?scope=cluster", {"level": 5})
    error = await api.refused(400, "bad-request", "PUT", path, {})
    assert error["message"] == "Desired 'level' parameter was not specified in request."
    await api.refused(400, "bad-request", "PUT", path, {"levl": "INFO"})
    await api.refused(400, "bad-request", "PUT", path, data=b"[]")
