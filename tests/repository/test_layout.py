"""The house: folders, packages, and which of them may import which (ARCHITECTURE.md, "Folders")."""

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

OURS = ("penstock", "penstock_platform", "penstock_workers", "penstock_log", "penstock_schemas")
PACKAGES = {
    "penstock": "platform/penstock",
    "penstock_platform": "platform/penstock_platform",
    "penstock_workers": "workers/penstock_workers",
    "penstock_log": "log/penstock_log",
    "penstock_schemas": "schemas/penstock_schemas",
    "penstock_file": "plugins/file/penstock_file",
    "penstock_generator": "plugins/generator/penstock_generator",
}
MAY_IMPORT: dict[str, set[str]] = {
    "penstock": set(),
    "penstock_platform": {"penstock", "penstock_workers", "penstock_schemas"},
    "penstock_workers": {"penstock", "penstock_schemas"},
    "penstock_log": set(),
    "penstock_schemas": set(),
    "penstock_file": {"penstock"},
    "penstock_generator": {"penstock"},
}
STARTS_THE_LOG = "platform/penstock_platform/cli/log_command.py"

# Decisions without I/O: state machines that a simulation can run a thousand times in a second.
PURE = [
    "log/penstock_log/controller/scram_users.py",
    "log/penstock_log/controller/state.py",
    "log/penstock_log/coordination/deadlines.py",
    "log/penstock_log/group/assignors.py",
    "log/penstock_log/group/classic.py",
    "log/penstock_log/group/classic_members.py",
    "log/penstock_log/group/consumer.py",
    "log/penstock_log/group/consumer_member.py",
    "log/penstock_log/group/membership.py",
    "log/penstock_log/group/migration.py",
    "log/penstock_log/group/offsets.py",
    "log/penstock_log/group/rebalance.py",
    "log/penstock_log/group/reconciliation.py",
    "log/penstock_log/partition/producers.py",
    "log/penstock_log/partition/state.py",
    "log/penstock_log/partition/transactions.py",
    "log/penstock_log/security/authentication.py",
    "log/penstock_log/security/exchange.py",
    "log/penstock_log/security/scram.py",
    "log/penstock_log/transaction/transaction.py",
    "workers/penstock_workers/cluster/info.py",
    "workers/penstock_workers/cluster/leader.py",
    "workers/penstock_workers/cluster/members.py",
    "workers/penstock_workers/cluster/placement.py",
    "workers/penstock_workers/cluster/statuses.py",
    "workers/penstock_workers/desired.py",
    "workers/penstock_workers/host/in_flight.py",
    "workers/penstock_workers/offsets/entries.py",
    "workers/penstock_workers/offsets/history.py",
    "workers/penstock_workers/reconcile.py",
    "workers/penstock_workers/store/active_topics.py",
    "workers/penstock_workers/store/assignments.py",
    "workers/penstock_workers/store/configs.py",
]
IMPURE_MODULES = {"asyncio", "socket", "time", "os", "pathlib", "threading", "subprocess", "random", "aiokafka", "io"}


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    for path in (ROOT / PACKAGES[package]).rglob("*.py"):
        found = {name.partition(".")[0] for name in imported_modules(path)} & set(PACKAGES)
        allowed = MAY_IMPORT[package] | {package}
        if path == ROOT / STARTS_THE_LOG:
            allowed |= {"penstock_log"}
        assert found <= allowed, f"{path.relative_to(ROOT)} imports {found - allowed}"


@pytest.mark.parametrize("path", PURE)
def test_decisions_are_pure(path: str) -> None:
    found = {name.partition(".")[0] for name in imported_modules(ROOT / path)} & IMPURE_MODULES
    assert not found, f"{path} decides, and must not act: it imports {found}"


def test_no_root_folder_is_a_package() -> None:
    assert not list(ROOT.glob("*/__init__.py"))
    assert not list(ROOT.glob("plugins/*/__init__.py"))


@pytest.mark.parametrize("code", ["import platform; platform.python_version()", "import asyncio, uuid, pytest"])
def test_the_standard_library_is_not_shadowed(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_wheel_holds_every_package(tmp_path: Path) -> None:
    """A `log/` line in .gitignore would leave the log out without a word."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for package, folder in PACKAGES.items():
        files = [
            path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".json") or path.name == "py.typed"
        ]
        missing = {f"{package}/{path.relative_to(ROOT / folder).as_posix()}" for path in files} - names
        assert not missing, f"not in the wheel: {missing}"
    template = [path for path in (ROOT / "plugin-template").rglob("*") if path.suffix in (".py", ".toml", ".md")]
    paths = [path.relative_to(ROOT / "plugin-template").as_posix() for path in template]
    assert {f"penstock_platform/plugin_template/{path}" for path in paths} <= names


def test_the_control_plane_does_not_import_connectors() -> None:
    """Starting the command line, REST and the worker imports no plugin: that is for task hosts."""
    code = (
        "import sys, penstock_platform.rest.server, penstock_workers.worker, penstock_platform.plugins.discovery;"
        "sys.exit(any(name.startswith(('penstock_file', 'penstock_generator')) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_version_is_shown_without_loading_the_platform() -> None:
    """Latency of the command line is felt; what it imports decides it."""
    command = [sys.executable, "-X", "importtime", "-m", "penstock_platform", "--version"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("penstock ")
    for heavy in ("aiohttp", "aiokafka", "rich", "jsonschema", "click"):
        assert f"| {heavy}\n" not in done.stderr, f"--version imports {heavy}"
