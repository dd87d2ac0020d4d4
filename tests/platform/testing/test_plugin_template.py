"""What `penstock plugin new` renders is a plugin that works: its own tests, the contract among them, pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock_platform.cli.plugin_template import KINDS, rendered


def render(directory: Path, name: str, kind: str) -> None:
    for path, text in rendered(name, kind):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(directory)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("kind", KINDS)
def test_rendered_plugin_passes_its_tests(tmp_path: Path, kind: str) -> None:
    render(tmp_path, "weather", kind)
    result = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_rendered_plugin_is_as_small_as_promised(tmp_path: Path, kind: str) -> None:
    render(tmp_path, "weather", kind)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["README.md", "penstock_weather/__init__.py", "pyproject.toml", "tests/test_weather.py"]
    assert sum(len((tmp_path / name).read_text().splitlines()) for name in files) <= 100


NAMES = ("weather", "snow_depth", "hex", "vault")


def render_one_of_each_kind(directory: Path) -> None:
    for name, kind in zip(NAMES, KINDS, strict=True):
        render(directory, name, kind)


def test_rendered_plugins_are_typed_strictly(tmp_path: Path) -> None:
    """Checked where there is mypy, which the tests do not need otherwise."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    render_one_of_each_kind(tmp_path)
    packages = [f"penstock_{name}" for name in NAMES]
    result = run(tmp_path, "mypy", "--strict", "--cache-dir", os.devnull, *packages, "tests")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("command", [("check",), ("format", "--diff")])
def test_rendered_plugins_are_clean(tmp_path: Path, command: tuple[str, ...]) -> None:
    pytest.importorskip("ruff", reason="ruff is not installed")
    render_one_of_each_kind(tmp_path)
    result = run(tmp_path, "ruff", *command, "--no-cache", ".")
    assert result.returncode == 0, result.stdout
