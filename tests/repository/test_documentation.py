"""What the documentation shows is true: links lead somewhere, scripts parse, examples run under the contract tests."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import GUIDES, PAGES, ROOT, blocks, name_of

CLASS_GUIDES = [ROOT / "docs" / "guides" / "converters.md", ROOT / "docs" / "guides" / "secrets.md"]
CONNECTOR_GUIDE = ROOT / "docs" / "guides" / "write-a-connector.md"
SQLITE_EXAMPLE = ROOT / "examples" / "sqlite"
README_CONTRACT = """
from penstock.testing import SourceContract
from penstock_lines import LinesSource

class TestLinesSource(SourceContract):
    connector = LinesSource

    def make_world(self, directory):
        lines = [f"{number} ".encode() * 40_000 + b"\\n" for number in range(4)]
        (directory / "lines.txt").write_bytes(b"".join(lines))  # more than the example reads at once
        return {"path": str(directory / "lines.txt"), "topic": "lines"}
"""


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def run_pytest(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    environment = os.environ | {"PYTHONPATH": str(directory)}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in (link for link in links if not re.match(r"[a-z]+:", link)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)} links to {link}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*/*.md"):
        assert f"({page.relative_to(ROOT / 'docs')})" in index, name_of(page)


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_shell_scripts_parse(page: Path) -> None:
    for block in blocks(page, "sh"):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stderr}\n{block}"


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_python_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, name_of(page), "exec")


def test_the_readme_connector_keeps_the_contract(tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "README.md", "python")
    (tmp_path / "penstock_lines.py").write_text(example)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_lines.py").write_text(README_CONTRACT)
    result = run_pytest(tmp_path)
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


def test_the_connector_guide_shows_the_files_of_its_example() -> None:
    shown = {}
    for block in [*blocks(CONNECTOR_GUIDE, "python"), *blocks(CONNECTOR_GUIDE, "toml")]:
        if title := re.match(r"# (\S+)\n", block):
            shown[title[1]] = block.removeprefix(title[0])
    files = [path for path in SQLITE_EXAMPLE.rglob("*.*") if path.suffix in (".py", ".toml")]
    assert shown == {str(path.relative_to(SQLITE_EXAMPLE)): path.read_text(encoding="utf-8") for path in files}


def test_the_connectors_of_the_guide_keep_the_contract() -> None:
    result = run_pytest(SQLITE_EXAMPLE)
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


@pytest.mark.parametrize("page", CLASS_GUIDES, ids=name_of)
def test_the_class_of_a_guide_keeps_its_contract(tmp_path: Path, page: Path) -> None:
    for block in blocks(page, "python"):
        path = tmp_path / block.splitlines()[0].removeprefix("# ")
        path.parent.mkdir(exist_ok=True)
        path.write_text(block)
    result = run_pytest(tmp_path)
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


def test_the_guide_makes_a_plugin_that_works(tmp_path: Path) -> None:
    (command,) = (block for block in blocks(CONNECTOR_GUIDE, "sh") if "plugin new" in block)
    penstock = f"{shlex.quote(sys.executable)} -P -m penstock_platform"
    subprocess.run(["bash", "-euc", command.replace("penstock ", f"{penstock} ", 1)], cwd=tmp_path, check=True)
    assert run_pytest(tmp_path / "penstock-weather").returncode == 0
