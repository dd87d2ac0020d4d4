"""What the records of the witness plugin prove."""

import shutil
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

PLUGIN = Path(__file__).with_name("witness_plugin.py")
MODULE = "penstock_witness"
SOURCE, SINK = f"{MODULE}.WitnessSource", f"{MODULE}.WitnessSink"


class Testimony(NamedTuple):
    """One record of a source."""

    number: int
    run: str
    time_ns: int
    """When it was yielded, on the clock of this machine."""


def install(site: Path) -> None:
    """As pip would: a module and an entry point beside it."""
    metadata = site / f"{MODULE}-1.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(PLUGIN, site / f"{MODULE}.py")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: penstock-witness\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[penstock]\nwitness = {MODULE}\n")


def testimonies(values: Sequence[bytes]) -> list[Testimony]:
    return [
        Testimony(int(number), run.decode(), int(time_ns)) for number, run, time_ns in (v.split(b" ") for v in values)
    ]


def runs_in_order(runs: Sequence[str]) -> list[str]:
    """Each run, in the order of their records. None of them may write after its successor has begun."""
    found = [run for run, _ in groupby(runs)]
    assert len(found) == len(set(found)), f"runs went on writing after others had taken over: {found}"
    return found


def largest_gap_seconds(given: Sequence[Testimony]) -> float:
    """Between two records that follow one another."""
    return max((later.time_ns - earlier.time_ns for earlier, later in pairwise(given)), default=0) / 1e9


def first_after_seconds(given: Sequence[Testimony], time_ns: int, former_run: str) -> float:
    """How long after that time the first record came of any run but that one."""
    return next((each.time_ns - time_ns) / 1e9 for each in given if each.run != former_run and each.time_ns > time_ns)
