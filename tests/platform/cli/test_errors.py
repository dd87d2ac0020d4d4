"""A mistake ends with what was wrong, where, what to do, and an exit code that tells its kind."""

import fcntl
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Run

WRONG_INPUT, WRONG_ENVIRONMENT = 2, 3


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_misspelt_command(penstock: Run) -> None:
    result = penstock("conector")
    assert result.returncode == WRONG_INPUT
    assert "Did you mean 'connector'?" in result.stderr


def test_no_server(penstock: Run) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
        for command in (
            ("connector", "list", "--url", f"http://{address}"),
            ("topic", "list", "--bootstrap-servers", address),
        ):
            result = penstock(*command)
            assert result.returncode == WRONG_ENVIRONMENT
            assert "no-server" in result.stderr
            assert "penstock up" in result.stderr


@pytest.mark.parametrize("option", ["--kafka-port", "--rest-port"])
def test_up_names_the_port_in_use_and_its_option(penstock: Run, tmp_path: Path, taken_port: int, option: str) -> None:
    result = penstock("up", "--data-dir", str(tmp_path), option, str(taken_port))
    assert result.returncode == WRONG_ENVIRONMENT
    assert f"port-in-use  127.0.0.1:{taken_port}" in result.stderr
    assert option in result.stderr


def test_log_names_the_port_in_use(penstock: Run, tmp_path: Path, taken_port: int) -> None:
    result = penstock("log", "--data-dir", str(tmp_path / "log"), "--port", str(taken_port))
    assert result.returncode == WRONG_ENVIRONMENT
    assert "port-in-use" in result.stderr
    assert str(taken_port) in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("connector", "create", "a", "-s", "path"),
        ("topic", "create", "a", "--config", "path"),
        ("topic", "configs", "a", "--set", "path"),
        ("log", "--set", "path"),
        ("worker", "--set", "path"),
    ],
)
def test_a_setting_without_a_value(penstock: Run, command: tuple[str, ...]) -> None:
    result = penstock(*command)
    assert result.returncode == WRONG_INPUT
    assert " path" in result.stderr
    assert "KEY=VALUE" in result.stderr


def test_up_refuses_a_folder_in_use(penstock: Run, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = penstock("up", "--data-dir", str(tmp_path))
    assert result.returncode == WRONG_ENVIRONMENT
    assert "data-dir-in-use" in result.stderr


def test_all_wrong_options_of_a_worker_at_once(penstock: Run, tmp_path: Path) -> None:
    config = tmp_path / "worker.toml"
    config.write_text('[rest]\nport = "eighty"\n[rest.hots]\nname = "x"\n')
    result = penstock("worker", "--config", str(config))
    assert result.returncode == WRONG_INPUT
    assert "ill-typed-option  rest.port" in result.stderr
    assert "did you mean rest.host.name?" in result.stderr


@pytest.mark.parametrize(("name", "text"), [("w.toml", "a ="), ("w.json", "{"), ("missing.toml", None)])
def test_an_unreadable_configuration(penstock: Run, tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    result = penstock("worker", "--config", str(path))
    assert result.returncode == WRONG_INPUT
    assert str(path) in result.stderr


@pytest.mark.parametrize("url", ["nowhere", "127.0.0.1:8083", "http://[::1", "http://127.0.0.1:99999"])
def test_what_is_no_url(penstock: Run, url: str) -> None:
    result = penstock("connector", "list", "--url", url)
    assert result.returncode == WRONG_INPUT
    assert f"bad-configuration  --url {url}" in result.stderr


def test_a_misspelt_connector_class(penstock: Run) -> None:
    result = penstock("plugin", "show", "FileSoure")
    assert result.returncode == WRONG_INPUT
    assert "did you mean penstock_file.FileSource?" in result.stderr
