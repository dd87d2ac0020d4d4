"""The metadata log on disk: what was decided is there after a restart, with and without a snapshot."""

import asyncio
from pathlib import Path

import pytest

from penstock_log.controller import metadata_log
from penstock_log.controller.controller import Controller
from penstock_log.controller.events import Endpoint
from penstock_log.controller.metadata_log import MetadataLog
from penstock_log.controller.scram_users import Deletion, NewCredential
from penstock_log.controller.state import ClusterState
from penstock_log.controller.topics import NewTopic
from penstock_log.storage.files import OpenFiles
from penstock_log.storage.flusher import Flusher


class Disk:
    """Controllers on one directory, one after another."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self) -> tuple[Controller, Flusher]:
        flusher = Flusher()
        log = MetadataLog(self._directory, OpenFiles(), flusher, lambda: 1_000_000)
        return Controller(log, {"num.partitions": "3"}), flusher

    def reload(self) -> ClusterState:
        controller, flusher = self.open()
        controller.close()
        flusher.close()
        return controller.state


async def make_history(controller: Controller) -> None:
    await controller.register_broker(0, [Endpoint("PLAINTEXT", "127.0.0.1", 9092)])
    for number in range(8):
        await controller.create_topic(NewTopic(f"topic-{number}"))
    await controller.delete_topic("topic-3")
    await controller.add_partitions("topic-4", 7, None)
    await controller.change_topic_configs("topic-5", lambda present: {**present, "retention.ms": "5"})
    changes = [NewCredential(user, 1, 4096, b"salt", b"salted") for user in ("ann", "bob")]
    await controller.alter_credentials(changes)
    await controller.alter_credentials([Deletion("bob", 1)])
    assert list(await controller.allocate_producer_ids(0)) == list(range(1000))
    await controller.create_topic(NewTopic("not-really"), validate_only=True)


@pytest.mark.parametrize("events_until_snapshot", [1, 5, 1000])
async def test_a_restart_finds_the_same_state(
    tmp_path: Path, events_until_snapshot: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_log, "SNAPSHOT_EVERY_EVENTS", events_until_snapshot)
    disk = Disk(tmp_path)
    controller, flusher = disk.open()
    await make_history(controller)
    before = controller.state
    controller.close()
    flusher.close()

    assert disk.reload() == before
    assert disk.reload() == before
    assert (tmp_path / "__cluster_metadata-0" / "snapshot.json").exists() is (events_until_snapshot < 1000)


async def test_a_block_of_producer_ids_is_never_given_twice(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    controller, flusher = disk.open()
    first = await controller.allocate_producer_ids(0)
    controller.close()
    flusher.close()
    controller, flusher = disk.open()
    second = await controller.allocate_producer_ids(0)
    controller.close()
    flusher.close()
    assert not set(first) & set(second)


async def test_who_subscribes_hears_of_each_event_after_it_is_applied(tmp_path: Path) -> None:
    controller, flusher = Disk(tmp_path).open()
    await controller.register_broker(0, [Endpoint("PLAINTEXT", "127.0.0.1", 9092)])
    heard: list[tuple[str, bool]] = []
    controller.subscribe(lambda event: heard.append((type(event).__name__, "a" in controller.state.topics)))
    await controller.create_topic(NewTopic("a"))
    await controller.delete_topic("a")
    controller.close()
    flusher.close()
    assert heard == [("TopicCreated", True), ("TopicDeleted", False)]


async def test_a_decision_whose_caller_leaves_is_carried_out_or_not_taken_at_all(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    controller, flusher = disk.open()
    await controller.register_broker(0, [Endpoint("PLAINTEXT", "127.0.0.1", 9092)])
    for turns in range(6):
        caller = asyncio.create_task(controller.create_topic(NewTopic(f"topic-{turns}")))
        for _ in range(turns):
            await asyncio.sleep(0)
        caller.cancel()
        await controller.settle()
    controller.close()
    flusher.close()
    assert "topic-5" in controller.state.topics
    assert disk.reload() == controller.state
