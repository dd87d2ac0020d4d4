"""Task hosts with the connectors of `plugins/hosted_connectors`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from penstock import Positions
from penstock_workers.config_providers import ConfiguredProvider
from penstock_workers.log_connection import LogConnection
from penstock_workers.task_host import (
    Died,
    Failed,
    ForkServer,
    Printed,
    Progress,
    TaskEvent,
    TaskHost,
    TaskSpec,
)

T = TypeVar("T")
DEADLINE_SECONDS = 60.0
NO_LOG = "127.0.0.1:1"
ReadPositions = Callable[[], Awaitable[Positions]]


async def none_stored() -> Positions:
    return Positions()


class Hosted:
    """A task host, the events that it told, and what its connector printed."""

    def __init__(self, spec: TaskSpec, fork_server: ForkServer, positions: ReadPositions) -> None:
        self.events: list[TaskEvent] = []
        self.printed: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self.host = TaskHost(spec, self._on_event, fork_server, positions)

    def _on_event(self, event: TaskEvent) -> None:
        if isinstance(event, Printed):
            line = event.line
            self.printed.append(json.loads(line) if line.startswith("{") else {"event": "text", "line": line})
        else:
            self.events.append(event)
        self._news.set()

    async def until(self, condition: Callable[[], T | None]) -> T:
        """What the condition answers, as soon as it is true. It is asked again at every event and every line."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    if answer := condition():
                        return answer
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            for told in (*self.events, *self.printed):
                error.add_note(f"told: {told}")
            raise

    async def until_event(self, kind: type[T]) -> T:
        def first() -> T | None:
            if kind not in (Failed, Died) and (ends := [e for e in self.events if isinstance(e, Failed | Died)]):
                pytest.fail(f"ended before {kind.__name__}: {ends[0]}")
            return next((event for event in self.events if isinstance(event, kind)), None)

        return await self.until(first)

    async def until_printed(self, event: str, count: int = 1) -> dict[str, Any]:
        return (await self.until(lambda: found if len(found := self.all_printed(event)) >= count else None))[-1]

    def progress(self) -> Progress | None:
        """As last told."""
        return next((event for event in reversed(self.events) if isinstance(event, Progress)), None)

    def all_printed(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.printed if line["event"] == event]

    def order_of(self, *events: str) -> list[str]:
        return [line["event"] for line in self.printed if line["event"] in events]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fork_server() -> AsyncIterator[ForkServer]:
    """One for all tests of a module: starting it costs more than most of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).with_name("plugins")), prepend=os.pathsep)
        server = ForkServer()
        await server.start()
        yield server
        await server.stop()


Run = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="module")
async def run(fork_server: ForkServer) -> AsyncIterator[Run]:
    """`await run("sources:Counting", topic="t")`: a started task host, killed after the test."""

    async def run(
        connector: str,
        *,
        bootstrap_servers: str = NO_LOG,
        name: str = "hosted",
        task: int = 0,
        positions: ReadPositions = none_stored,
        call_timeout_seconds: float = 30.0,
        exactly_once: bool = True,
        topic_creation_enable: bool = True,
        of: ForkServer = fork_server,
        config_providers: Mapping[str, ConfiguredProvider] | None = None,
        split_max: int = 0,
        **config: str,
    ) -> Hosted:
        config = {"name": name, "connector.class": connector} | {k.replace("_", "."): v for k, v in config.items()}
        spec = TaskSpec(
            connector=name,
            task=task,
            import_path=f"hosted_connectors.{connector}",
            type="sink" if connector.startswith("sinks") else "source",
            config=config,
            log=LogConnection(bootstrap_servers=bootstrap_servers),
            offset_topic=f"{name}-offsets",
            transactional_id=f"test-{name}-{task}" if exactly_once else "",
            call_timeout_seconds=call_timeout_seconds,
            topic_creation_enable=topic_creation_enable,
            config_providers=config_providers or {},
            split_max=split_max,
        )
        hosted = Hosted(spec, of, positions)
        started.append(hosted)
        await hosted.host.start()
        return hosted

    started: list[Hosted] = []
    yield run
    for hosted in started:
        await hosted.host.kill()


@pytest.fixture
def log(request: pytest.FixtureRequest) -> str:
    """`bootstrap.servers` of our log, for tests to which it does not matter which log it is."""
    servers: str = request.getfixturevalue("log_node").bootstrap_servers
    return servers


@pytest.fixture
def trouble_file(tmp_path: Path) -> str:
    return str(tmp_path / "trouble")
