"""Anything that may happen to log files, in any order by seed, is exact: each line that was written and stayed on disk
arrives once, in the order of its file."""

import asyncio
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from .tailing import Reading, Writer, append, reading

STEPS = ["write"] * 6 + ["rotate"] * 3 + ["copytruncate", "truncate", "delete"] + ["kill"] * 2


class Rotations:
    """A seeded mix of all that may happen to log files, kept such that no line may legally be missed."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.writers = [Writer(directory / f"{name}.log", filler=name * 30) for name in "abc"]
        for writer in self.writers:
            writer.write(1)

    @property
    def lines(self) -> list[bytes]:
        return [line for writer in self.writers for line in writer.lines]

    async def step(self, reader: Reading) -> None:
        writer = self.random.choice(self.writers)
        if not writer.path.exists():
            writer.write(1)
        match self.random.choice(STEPS):
            case "write":
                writer.write(self.random.choice([1, 5, 100, 20_000]))
            case "rotate":
                writer.rotate()
            case "copytruncate":
                writer.copytruncate()
            case "truncate":
                await self.all_delivered(reader)
                os.truncate(writer.path, 0)
                writer.write(self.random.choice([1, 100, 3000]))
            case "delete":
                await self.all_delivered(reader)
                writer.path.unlink()
            case "kill":
                await reader.kill(unacknowledged=self.random.randrange(4))
                for _ in range(self.random.randrange(3)):
                    await self.while_stopped()
                await reader.start()

    async def all_delivered(self, reader: Reading) -> None:
        await reader.wait_for(self.lines)
        reader.acknowledged = len(reader.batches)

    async def while_stopped(self) -> None:
        writer = self.random.choice(self.writers)
        writer.write(self.random.choice([1, 300]))
        if self.random.random() < 0.7:
            self.random.choice([writer.rotate, writer.copytruncate])()


async def run_rotations(directory: Path, seed: int, steps: int) -> None:
    rotations = Rotations(directory, seed)
    async with reading(directory / "*.log*", **{"rotated.quiet.seconds": 2.0}) as reader:
        for _ in range(steps):
            await rotations.step(reader)
            await asyncio.sleep(rotations.random.choice([0, 0, 0.01, 0.1]))
        await reader.wait_for(rotations.lines)
        append(directory / "marker.log", b"what comes too much would have come before this\n")
        await reader.wait_until(lambda: any(line.endswith(b"before this") for line in reader.lines))
        reader.batches.pop()
        await reader.wait_for(rotations.lines)
    for lines in reader.by_file():
        assert any(is_subsequence_of_one(lines, writer.lines) for writer in rotations.writers), "order within a file"


@pytest.mark.parametrize("seed", range(6))
async def test_anything_in_any_order_is_exact(tmp_path: Path, seed: int) -> None:
    await run_rotations(tmp_path, seed, steps=30)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_anything_in_any_order_for_long(tmp_path: Path) -> None:
    for _ in range(20):
        seed = random.randrange(10**9)
        print(f"seed {seed}")
        (tmp_path / str(seed)).mkdir()
        await run_rotations(tmp_path / str(seed), seed, steps=60)


def is_subsequence_of_one(lines: Sequence[bytes], file: Sequence[bytes]) -> bool:
    rest: Iterator[bytes] = iter(file)
    return all(line in rest for line in lines)
