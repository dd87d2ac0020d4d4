"""Tasks whose log is cut off, frozen, or loses what they work with: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from tests.conftest import LogNode
from tests.network import Network

from penstock import Positions
from penstock_workers.task_host import Failed

from .conftest import Hosted, Run
from .reading import read_all, read_positions, write_topic

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAR_ADDRESS = "127.0.0.2"
OUTAGE_SECONDS = 20.0
"""Longer than the log waits for the end of a transaction."""


@pytest.fixture
def far_node(tmp_path: Path) -> Iterator[LogNode]:
    """A log that its clients come to by another address, at which there is a network."""
    node = LogNode(tmp_path / "data", "--advertised-host", FAR_ADDRESS)
    node.start()
    yield node
    node.kill()


@pytest_asyncio.fixture(loop_scope="module")
async def network(far_node: LogNode) -> AsyncIterator[Network]:
    async with Network(FAR_ADDRESS, int(far_node.bootstrap_servers.rpartition(":")[2]), "127.0.0.1") as network:
        yield network


class Continued:
    """A source that is started again, as a worker does it, whenever it lost its log."""

    def __init__(self, run: Run, servers: str, topic: str) -> None:
        self._run, self._servers, self._topic = run, servers, topic

    async def start(self) -> None:
        async def stored() -> Positions:
            found = await read_positions(self._servers, f"{self._topic}-offsets")
            return Positions((key[1], value) for key, value in found[-1:])

        options = {"bootstrap_servers": self._servers, "name": self._topic, "topic": self._topic}
        positions = {"positions": stored} if hasattr(self, "hosted") else {}
        self.hosted: Hosted = await self._run("sources:Counting", **options, pause_seconds="0.001", **positions)

    async def goes_on(self) -> None:
        """Until it has delivered more."""
        before = len(self.hosted.all_printed("acknowledged"))

        def moved_or_failed() -> bool:
            is_failed = any(isinstance(event, Failed) for event in self.hosted.events)
            return is_failed or len(self.hosted.all_printed("acknowledged")) >= before + 5

        await self.hosted.until(moved_or_failed)
        failures = [event for event in self.hosted.events if isinstance(event, Failed)]
        if failures:
            assert failures[0].retryable
            await self.start()
            await self.hosted.until_printed("acknowledged", count=5)

    async def assert_each_once(self) -> None:
        await self.hosted.host.stop(60)
        values = [int(value) for value in await read_all(self._servers, self._topic)]
        assert values == list(range(self.hosted.all_printed("yield")[-1]["next"]))


@pytest.mark.long
async def test_a_network_that_holds_all_back_for_longer_than_a_transaction_may_take(
    run: Run, far_node: LogNode, network: Network, fresh_topic: str
) -> None:
    """What it held back arrives later: records and ends of transactions that the log has given up."""
    source = Continued(run, far_node.bootstrap_servers, fresh_topic)
    await source.start()
    await source.goes_on()
    network.hold()
    await asyncio.sleep(OUTAGE_SECONDS)  # its length is what is tested
    network.let_go()
    await source.goes_on()
    await source.assert_each_once()


@pytest.mark.long
async def test_a_log_that_is_frozen_for_longer_than_a_transaction_may_take(
    run: Run, own_log_node: LogNode, fresh_topic: str
) -> None:
    source = Continued(run, own_log_node.bootstrap_servers, fresh_topic)
    await source.start()
    await source.goes_on()
    own_log_node.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(OUTAGE_SECONDS)  # its length is what is tested
    own_log_node.process.send_signal(signal.SIGCONT)
    await source.goes_on()
    await source.assert_each_once()


async def test_a_log_that_is_killed_and_started_again(run: Run, own_log_node: LogNode, fresh_topic: str) -> None:
    source = Continued(run, own_log_node.bootstrap_servers, fresh_topic)
    await source.start()
    await source.goes_on()
    await asyncio.to_thread(own_log_node.kill)
    await asyncio.to_thread(own_log_node.start)  # what was acknowledged before is heard of meanwhile
    await source.goes_on()
    await source.assert_each_once()


async def delete_topic(servers: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()


@pytest.mark.parametrize("exactly_once", [True, False])
async def test_a_source_whose_topic_is_deleted_goes_on_into_a_new_one_without_a_gap(
    run: Run, kafka: str, fresh_topic: str, exactly_once: bool
) -> None:
    options = {"bootstrap_servers": kafka, "name": fresh_topic, "topic": fresh_topic, "pause_seconds": "0.001"}
    hosted = await run("sources:Counting", **options, exactly_once=exactly_once)
    await hosted.until_printed("acknowledged", count=3)
    await delete_topic(kafka, fresh_topic)
    before = len(hosted.all_printed("acknowledged"))
    await hosted.until_printed("acknowledged", count=before + 20)
    await hosted.host.stop(60)
    values = [int(value) for value in await read_all(kafka, fresh_topic)]
    assert values == list(range(values[0], hosted.all_printed("yield")[-1]["next"]))


async def test_a_sink_whose_topic_is_deleted_reads_the_new_one_from_its_beginning(
    run: Run, kafka: str, fresh_topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    await write_topic(kafka, fresh_topic, [b"old %d" % number for number in range(100)])
    hosted = await run("sinks:Writing", bootstrap_servers=kafka, name=fresh_topic, topics=fresh_topic, file=str(file))
    await hosted.until_printed("flush")
    await delete_topic(kafka, fresh_topic)
    await hosted.until_printed("text")  # it has noticed
    await write_topic(kafka, fresh_topic, [b"new %d" % number for number in range(10)])
    await hosted.until(lambda: "new 9" in file.read_text())
    new = [line.partition("new ")[2] for line in file.read_text().splitlines() if "new" in line]
    assert new == [str(number) for number in range(10)]
    assert not [event for event in hosted.events if isinstance(event, Failed)]
