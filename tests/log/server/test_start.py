"""Starts that cannot succeed: exit code 2, and a line that says what was wrong and what to do."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import LogNode


def start(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock_log", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_data_directory_is_served_by_one_node_at_a_time(log_node: "LogNode") -> None:
    refused = start("--data-dir", log_node.data_dir, "--port", "0")
    assert refused.returncode == 2
    assert f"another process serves the data directory {log_node.data_dir}" in refused.stderr


def test_a_port_in_use_is_named_with_the_option_that_changes_it(log_node: "LogNode", tmp_path: Path) -> None:
    port = log_node.bootstrap_servers.rpartition(":")[2]
    refused = start("--data-dir", tmp_path, "--port", port)
    assert refused.returncode == 2
    assert f"cannot serve on PLAINTEXT://127.0.0.1:{port}" in refused.stderr
    assert "--port" in refused.stderr


def test_a_data_directory_belongs_to_its_node(own_log_node: "LogNode") -> None:
    assert own_log_node.stop() == 0
    refused = start("--data-dir", own_log_node.data_dir, "--port", "0", "--node-id", "5")
    assert refused.returncode == 2
    assert "belongs to node 0, not to node 5" in refused.stderr


def test_settings_and_addresses_that_cannot_be_are_refused(tmp_path: Path) -> None:
    unknown = start("--data-dir", tmp_path, "--port", "0", "--set", "log.retention.hours=5")
    assert (unknown.returncode, "Unknown broker config name: log.retention.hours" in unknown.stderr) == (2, True)
    unreachable = start("--data-dir", tmp_path, "--port", "0", "--host", "0.0.0.0")
    assert (unreachable.returncode, "--advertised-host" in unreachable.stderr) == (2, True)
