"""What a crash or a lost topic leaves in a data directory: deletions are finished, everything else is only reported."""

from pathlib import Path

from structlog.testing import capture_logs

from penstock_log.leftovers import remove_leftovers


def test_deletions_are_finished_and_unknown_partitions_reported(tmp_path: Path) -> None:
    for name in ("orders-0", "orders-1-delete", "orders-2.abc-stray", "forgotten-0", "__cluster_metadata-0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "partition.metadata").write_text("version: 0\n")
    (tmp_path / "notes-7").mkdir()
    (tmp_path / ".lock").touch()
    with capture_logs() as reports:
        remove_leftovers(tmp_path, {"orders"})
    assert {path.name for path in tmp_path.iterdir()} == {
        ".lock",
        "__cluster_metadata-0",
        "forgotten-0",
        "notes-7",
        "orders-0",
        "orders-2.abc-stray",
    }
    assert [(report["log_level"], Path(report["directory"]).name) for report in reports] == [
        ("warning", "forgotten-0"),
        ("info", "orders-1-delete"),
        ("warning", "orders-2.abc-stray"),
    ]
