"""The commands that talk to the log, and a worker, with a file that says how to connect."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.secured_log import SecuredLog

from .conftest import Run

WRONG_INPUT, WRONG_ENVIRONMENT = 2, 3
WriteFile = Callable[..., str]


@pytest.fixture
def client_file(secured_log: SecuredLog, tmp_path: Path) -> WriteFile:
    """A client.properties for this user's SASL_SSL."""

    def write(password: str = "alice-secret") -> str:
        options = secured_log.options("SASL_SSL", "SCRAM-SHA-256")
        del options["sasl.username"], options["sasl.password"]
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        login = f'sasl.jaas.config={module} required \\\n  username="alice" \\\n  password="{password}";'
        path = tmp_path / "client.properties"
        path.write_text("\n".join([*(f"{key}={value}" for key, value in options.items()), login, "acks=all"]))
        return str(path)

    return write


def test_a_round_trip(penstock: Run, client_file: WriteFile, fresh_topic: str) -> None:
    file = client_file()
    assert penstock("topic", "create", fresh_topic, "--command-config", file).returncode == 0
    assert penstock("produce", fresh_topic, "--command-config", file, input="one\ntwo\n").returncode == 0
    consumed = penstock("consume", fresh_topic, "-n", "2", "--command-config", file)
    assert consumed.stdout == "one\ntwo\n"


def test_a_wrong_password_is_named_as_such(penstock: Run, client_file: WriteFile) -> None:
    result = penstock("topic", "list", "--command-config", client_file(password="guessed"))
    assert result.returncode == WRONG_ENVIRONMENT
    assert "authentication-failed" in result.stderr
    assert "guessed" not in result.stderr


def test_users_are_added_changed_and_removed(penstock: Run, client_file: WriteFile) -> None:
    file = client_file()
    assert penstock("user", "set", "eve", "--command-config", file, input="eve's secret\n").returncode == 0
    listed = json.loads(penstock("user", "list", "-o", "json", "--command-config", file).stdout)
    assert {"user": "eve", "mechanisms": ["SCRAM-SHA-256", "SCRAM-SHA-512"]} in listed
    login = Path(file).read_text().replace('"alice"', '"eve"').replace('"alice-secret"', '"eve\'s secret"')
    Path(file).write_text(login)
    assert penstock("topic", "list", "--command-config", file).returncode == 0
    assert penstock("user", "delete", "eve", "--yes", "--command-config", client_file()).returncode == 0
    again = penstock("user", "delete", "eve", "--yes", "--command-config", file)
    assert (again.returncode, "unknown-user" in again.stderr) == (WRONG_INPUT, True)


def test_a_worker_takes_no_secret_from_its_command_line(penstock: Run) -> None:
    result = penstock("worker", "--set", "sasl.password=hush")
    assert result.returncode == WRONG_INPUT
    assert "--config" in result.stderr
    assert "hush" not in result.stderr


def test_a_node_is_secured_by_a_file(secured_log: SecuredLog, tmp_path: Path) -> None:
    """As a server.properties of Kafka's says it."""
    config = tmp_path / "server.properties"
    keystore = secured_log.truststore.with_name("node.pem")
    config.write_text(f"listeners=SSL://127.0.0.1:0\nssl.keystore.type=PEM\nssl.keystore.location={keystore}\n")
    command = [sys.executable, "-P", "-m", "penstock_platform", "log", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen([*command, "--config", str(config)], stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        assert '"SSL://127.0.0.1:' in node.stdout.readline()
        node.terminate()
    assert node.returncode == 0


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("listeners=SSL://127.0.0.1:0", "ssl.keystore.location"),
        ("ssl.key.password=hush", "--config"),
    ],
)
def test_what_a_node_cannot_do_is_named(penstock: Run, tmp_path: Path, setting: str, complaint: str) -> None:
    result = penstock("log", "--data-dir", str(tmp_path), "--set", setting)
    assert result.returncode == WRONG_INPUT
    assert complaint in result.stderr
    assert "hush" not in result.stderr
