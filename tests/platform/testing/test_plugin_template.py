"""What `penstock plugin new` renders is a connector that works: its own tests, the contract among them, pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).parents[3] / "plugin-template"


def render(directory: Path, **names: str) -> None:
    for source in TEMPLATE.rglob("*"):
        if source.is_file() and "__pycache__" not in source.parts:
            target = directory / Template(str(source.relative_to(TEMPLATE))).substitute(names)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(Template(source.read_text()).substitute(names))


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(directory)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def test_rendered_plugin_passes_its_tests(tmp_path: Path) -> None:
    render(tmp_path, name="weather", class_name="Weather")
    result = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


def test_rendered_plugin_is_as_small_as_promised(tmp_path: Path) -> None:
    render(tmp_path, name="weather", class_name="Weather")
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["README.md", "penstock_weather/__init__.py", "pyproject.toml", "tests/test_weather.py"]
    assert sum(len((tmp_path / name).read_text().splitlines()) for name in files) <= 90
