"""A crash at any step of taking over a compacted segment leaves the old segments or the new one, whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from penstock_log.storage.compaction.compact import compact
from penstock_log.storage.compaction.job import Compacted
from penstock_log.storage.compaction.swap import swap_in

if TYPE_CHECKING:
    from tests.log.storage.compaction.conftest import CompactedLog

RENAMES = 12


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("survived", range(RENAMES + 1))
def test_a_crash_between_any_two_renames(
    compacted: CompactedLog, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    for number in range(8):
        compacted.append((b"key-%d" % (number % 2), b"x" * 150))
    compacted.reopen()
    before = compacted.records()
    messages = [message for message in compact(compacted.job(segment_bytes=10_000)) if isinstance(message, Compacted)]
    assert [len(message.group) for message in messages] == [2]
    _rename_at_most(survived, monkeypatch)
    crashed = False
    try:
        swap_in(compacted.log.directory, [source.base_offset for source in messages[0].group])
    except Crash:
        crashed = True
    monkeypatch.undo()
    assert crashed == (survived < RENAMES)
    _crash_again_while_starting(compacted, monkeypatch)
    compacted.log = compacted.directory.open(compacted.log.limits)
    if survived < 3:
        assert compacted.records() == before
        assert len(compacted.log.segments) == 3
    else:
        assert compacted.records() == before[-4:]
        assert len(compacted.log.segments) == 2
    assert not [path for path in compacted.log.directory.iterdir() if path.suffix in (".cleaned", ".swap", ".deleted")]


def _crash_again_while_starting(compacted: CompactedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    for survived in range(RENAMES):
        _rename_at_most(survived, monkeypatch)
        try:
            compacted.directory.open(compacted.log.limits)
        except Crash:
            continue
        finally:
            monkeypatch.undo()
        break


def _rename_at_most(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename
    left = count

    def limited(path: Path, target: Path) -> Path:
        nonlocal left
        if not left:
            raise Crash
        left -= 1
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", limited)
