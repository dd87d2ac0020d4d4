"""A record that a sink cannot take, from the topic to the dead letters and back, by REST and by the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.conftest import LogNode
from tests.platform.rest.conftest import Api, until, worker_config
from tests.workers.host.reading import write_topic

from penstock_platform.plugins.discovery import discover
from penstock_platform.rest.application import application
from penstock_workers.worker import Worker


@pytest.fixture
async def live(log_node: LogNode) -> AsyncIterator[Api]:
    catalog = await discover()
    worker = Worker(worker_config(log_node.bootstrap_servers), catalog.plugins)
    async with TestClient(TestServer(application(worker, catalog))) as client:
        await worker.start()
        try:
            yield Api(client)
        finally:
            await worker.stop()


async def command_line(api: Api, *arguments: str) -> Any:
    """The JSON that `penstock connector dead-letters` prints."""
    command = [sys.executable, "-P", "-m", "penstock_platform", "connector", "dead-letters", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, "--url", str(api.client.make_url("")), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


async def test_a_record_goes_to_the_dead_letters_and_back(
    live: Api, log_node: LogNode, fresh_topic: str, tmp_path: Path
) -> None:
    config = {
        "connector.class": "FileSink",
        "topics": fresh_topic,
        "directory": str(tmp_path),
        "value.converter": "json",
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": f"{fresh_topic}-dead",
    }
    assert (await live.call("POST", "/connectors", {"name": fresh_topic, "config": config})).status == 201
    before = (await live.call("GET", f"/connectors/{fresh_topic}/dead-letters")).json
    assert before == {"topic": f"{fresh_topic}-dead", "dead_letters": []}
    await write_topic(log_node.bootstrap_servers, fresh_topic, [b'{"a": 1}', b"odd", b"[2, null]"])
    output = tmp_path / f"{fresh_topic}-0.log"

    async def written(*lines: str) -> bool:
        return output.exists() and output.read_text().splitlines() == list(lines)

    await until(lambda: written("{a=1}", "[2, null]"))

    async def listed() -> Any:
        return (await live.call("GET", f"/connectors/{fresh_topic}/dead-letters")).json["dead_letters"]

    async def is_listed() -> bool:
        return bool(await listed())

    await until(is_listed)
    (letter,) = await listed()
    assert (letter["origin"]["topic"], letter["origin"]["offset"]) == (fresh_topic, 1)
    assert (letter["stage"], letter["error"]["class"]) == ("VALUE_CONVERTER", "orjson.JSONDecodeError")

    changed = config | {"value.converter": "org.apache.kafka.connect.storage.StringConverter"}
    assert (await live.call("PUT", f"/connectors/{fresh_topic}/config", changed)).status == 200
    done = (await live.call("POST", f"/connectors/{fresh_topic}/dead-letters/replay", {})).json
    assert done == {"replayed": [{"partition": 0, "offset": 0}], "left_out": [], "remaining": False}
    await until(lambda: written("{a=1}", "[2, null]", "odd"))

    assert (await command_line(live, "list", fresh_topic, "-o", "json"))["dead_letters"][0]["replayed"]
    assert (await command_line(live, "show", fresh_topic, "0:0", "-o", "json"))["value"] == {"text": "odd"}
    assert (await command_line(live, "replay", fresh_topic, "--all", "-o", "json"))["replayed"] == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"dead_letters": []}, "dead_letters"),
        ({"dead_letters": [{"partition": 0}]}, "dead_letters[0]"),
        ({"dead_letters": [{"partition": 0, "offset": True}]}, "dead_letters[0]"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"again": True}, "again"),
        ({"letters": []}, "letters"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_malformed_replay_is_refused(api: Api, body: dict[str, Any], where: str) -> None:
    error = await api.refused(400, "bad-request", "POST", "/connectors/a/dead-letters/replay", body)
    assert error["where"] == where


@pytest.mark.asyncio(loop_scope="module")
async def test_a_connector_that_keeps_none_says_so(api: Api) -> None:
    await api.refused(404, "unknown-connector", "GET", "/connectors/nobody/dead-letters")
    await api.create("without")
    await api.refused(404, "no-dead-letter-topic", "GET", "/connectors/without/dead-letters")
    await api.refused(404, "no-dead-letter-topic", "GET", "/connectors/without/dead-letters/0/0")
    await api.refused(400, "bad-request", "GET", "/connectors/without/dead-letters?limit=-1")
    await api.call("DELETE", "/connectors/without")
