"""file -> topic -> file: each line once and in order, in the topic and in the file, whatever is killed."""

import random
import time
from pathlib import Path

import pytest

from .conftest import Platform
from .numbered_lines import Writer, assert_each_once_in_order, numbers_of
from .topics import create_topic, values_in_topic
from .waiting import wait_until

QUIET_SECONDS = 3.0
LONGEST_QUIET_SECONDS = 120.0
ARRIVAL_SECONDS = 300.0
TIMEOUT_SECONDS = 400  # more than the lines may take to arrive


def start_pipeline(platform: Platform, tmp_path: Path, topic: str) -> Path:
    """A topic of one partition, and two connectors as anybody would post them. The file that the sink writes."""
    create_topic(platform.bootstrap_servers, topic)
    platform.create(
        "lines-in", connector_class="penstock_file.FileSource", paths=f"{tmp_path}/in/app.log*", topic=topic
    )
    platform.create("lines-out", connector_class="penstock_file.FileSink", topics=topic, directory=f"{tmp_path}/out")
    return tmp_path / "out" / f"{topic}-0.log"


def wait_for_last_lines(writer: Writer, output: Path) -> list[int]:
    """Until every line is there and nothing more comes, or nothing has come for long enough to know what is missing.

    A killed sink may leave torn lines behind its committed length; its successor cuts them off.
    """
    size, since = -1, time.monotonic()

    def settled() -> bool:
        nonlocal size, since
        now = output.stat().st_size if writer.is_done() and output.exists() else -1
        if now != size or now == -1:
            size, since = now, time.monotonic()
            return False
        quiet_seconds = time.monotonic() - since
        return quiet_seconds > LONGEST_QUIET_SECONDS or (quiet_seconds > QUIET_SECONDS and is_complete(output, writer))

    wait_until(settled, "the lines to arrive", ARRIVAL_SECONDS)
    return numbers_of(output.read_bytes())


def is_complete(output: Path, writer: Writer) -> bool:
    content = output.read_bytes()
    return content.endswith(b"\n") and set(numbers_of(content, may_be_torn=True)) >= set(range(writer.lines))


def kill_at_random(platform: Platform, chance: random.Random, kinds: list[str], pause_seconds: float) -> None:
    for kind in kinds:
        time.sleep(chance.uniform(0, pause_seconds))  # the moment is what is random, not a wait for anything
        wait_until(lambda kind=kind: platform.kill_one(kind, chance.choice), f"a {kind} process to kill")  # type: ignore[misc]


def run_with_kills(
    platform: Platform, tmp_path: Path, chance: random.Random, topic: str, *, lines: int, rotations: int, kills: int
) -> None:
    writer = Writer(tmp_path / "in", lines, rotations, chance)
    output = start_pipeline(platform, tmp_path, topic)
    writer.start()
    own_log = platform.command[4] == "up"
    kinds = ["worker", "task", *(["log"] if own_log else [])]
    kinds = kinds * (kills // len(kinds))
    chance.shuffle(kinds)
    kill_at_random(platform, chance, kinds, 2 * writer.likely_seconds / len(kinds))
    numbers = wait_for_last_lines(writer, output)
    assert_each_once_in_order(numbers, writer.ranges)
    stored = b"".join(value + b"\n" for value in values_in_topic(platform.bootstrap_servers, topic))
    assert_each_once_in_order(numbers_of(stored), writer.ranges)
    print(f"{lines} lines, {rotations} rotations, {len(kinds)} kills: none lost, none doubled")


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_kills_lose_nothing(any_platform: Platform, tmp_path: Path, chance: random.Random, fresh_topic: str) -> None:
    run_with_kills(any_platform, tmp_path, chance, fresh_topic, lines=150_000, rotations=4, kills=6)


@pytest.mark.long
def test_many_kills_lose_nothing_of_a_million_lines(
    any_platform: Platform, tmp_path: Path, chance: random.Random, fresh_topic: str
) -> None:
    run_with_kills(any_platform, tmp_path, chance, fresh_topic, lines=1_000_000, rotations=10, kills=30)


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_clean_restarts_lose_and_double_nothing(
    platform: Platform, tmp_path: Path, chance: random.Random, fresh_topic: str
) -> None:
    writer = Writer(tmp_path / "in", 100_000, 3, chance)
    output = start_pipeline(platform, tmp_path, fresh_topic)
    writer.start()
    for _ in range(3):
        platform.stop()
        platform.start()
    numbers = wait_for_last_lines(writer, output)
    assert_each_once_in_order(numbers, writer.ranges)
