"""A connector that hangs, leaks or kills its own process slows neither REST nor another connector."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Platform
from .numbered_lines import line, numbers_of
from .waiting import wait_until

LIMIT_BYTES = 100 << 20
MISBEHAVING = '''
import asyncio, os, signal, time
from penstock import Batch, Source, SourceConfig, hookimpl, option

class MisbehavingConfig(SourceConfig):
    topic: str = option("Never written to.")

class HangingSource(Source[MisbehavingConfig]):
    """Blocks its event loop for ever."""
    async def read(self, positions):
        time.sleep(1e9)
        yield Batch(self.config.topic, [])

class CrashingSource(Source[MisbehavingConfig]):
    """Kills its own process, again and again."""
    async def open(self):
        os.kill(os.getpid(), signal.SIGKILL)
    async def read(self, positions):
        yield Batch(self.config.topic, [])

class LeakingSource(Source[MisbehavingConfig]):
    """Keeps all the memory that it gets."""
    async def read(self, positions):
        leak = []
        while True:
            leak.append(b"x" * 1_000_000)
            await asyncio.sleep(0)
        yield Batch(self.config.topic, [])

@hookimpl
def penstock_connectors():
    return [HangingSource, CrashingSource, LeakingSource]
'''


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """With the plugin installed as pip would: a module and an entry point beside it."""
    site = tmp_path / "site"
    metadata = site / "penstock_misbehaving-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "penstock_misbehaving.py").write_text(MISBEHAVING)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: penstock-misbehaving\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[penstock]\nmisbehaving = penstock_misbehaving\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    platform = Platform(tmp_path)
    platform.start()
    yield platform
    if platform.process.poll() is None:
        platform.stop()


def test_others_go_on(platform: Platform, tmp_path: Path, fresh_topic: str) -> None:
    platform.create("hangs", connector_class="penstock_misbehaving.HangingSource", topic=fresh_topic)
    platform.create("crashes", connector_class="penstock_misbehaving.CrashingSource", topic=fresh_topic)

    leaking = "penstock_misbehaving.LeakingSource"
    platform.create("leaks", connector_class=leaking, topic=fresh_topic, memory_max_bytes=str(LIMIT_BYTES))

    def task_of(name: str) -> dict[str, str]:
        tasks: list[dict[str, str]] = platform.rest("GET", f"/connectors/{name}/status")["tasks"]
        return tasks[0] if tasks else {}

    wait_until(lambda: "was ended by SIGKILL" in task_of("crashes").get("trace", ""), "the crash to be seen")
    wait_until(lambda: f"memory.max.bytes={LIMIT_BYTES}" in task_of("leaks").get("trace", ""), "the leak to end")
    wait_until(lambda: task_of("hangs").get("state") in ("RUNNING", "UNASSIGNED"), "the other to hang")

    lines = tmp_path / "in" / "app.log"
    lines.parent.mkdir()
    lines.write_bytes(b"".join(map(line, range(1000))))
    platform.create("in", connector_class="FileSource", paths=str(lines), topic=fresh_topic)
    platform.create("out", connector_class="FileSink", topics=fresh_topic, directory=str(tmp_path / "out"))
    output = tmp_path / "out" / f"{fresh_topic}-0.log"
    wait_until(lambda: output.exists() and output.read_bytes().count(b"\n") >= 1000, "the lines to come through")
    assert numbers_of(output.read_bytes()) == list(range(1000))

    # Each of these answers from memory; the deadline is only what tells an answer from a hang.
    for path in ("/connectors?expand=status&expand=info", "/connectors/hangs/status", "/connectors/crashes"):
        assert platform.rest("GET", path)


def test_a_hanging_connector_can_be_deleted(platform: Platform, fresh_topic: str) -> None:
    platform.create("hangs", connector_class="penstock_misbehaving.HangingSource", topic=fresh_topic)
    (task,) = wait_until(lambda: platform.processes("task"), "the task's process")
    platform.rest("DELETE", "/connectors/hangs")
    task.wait(30)
    assert platform.rest("GET", "/connectors") == []
