"""Runs one client's suite against one broker: an environment, a copy of the tests, pytest, and what came out."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.conformance.client_suites import Suite

SUITE_TIMEOUT_SECONDS = 1800
TEST_TIMEOUT_SECONDS = 120


@dataclass(slots=True)
class Results:
    """The names of a run's tests, by what became of them."""

    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    unsteady: set[str] = field(default_factory=set)
    """Failed, and passed when run once more."""
    seconds: float = 0.0


def released_version(checkout: Path) -> str:
    """The release that a checkout holds the tests of: its newest tag."""
    command = ["git", "-C", str(checkout), "describe", "--tags", "--abbrev=0"]
    tag = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return tag.removeprefix("v")


def suite_environment(suite: Suite, checkout: Path, cache: Path) -> Path:
    """The Python of an environment that has the released client and what its tests import."""
    version = released_version(checkout)
    name, bracket, extras = suite.distribution.partition("[")
    return make_environment(
        cache / f"{suite.name}-{version}", f"{name}{bracket}{extras}=={version}", *suite.requirements
    )


def make_environment(directory: Path, *requirements: str) -> Path:
    """The Python of a virtual environment in `directory`; made once."""
    python = directory / "bin" / "python"
    complete = directory / "complete"
    if not complete.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *requirements], check=True)
        complete.touch()
    return python


def run_suite(suite: Suite, checkout: Path, python: Path, bootstrap_servers: str, directory: Path) -> Results:
    """Run the suite in `directory`, which is made anew; pytest's own output stays there as `output.txt`.

    Tests that fail are run once more: on a busy machine some fail by their own deadlines, on any broker.
    """
    _copy_tests(suite, checkout, directory)
    results = _read_report(_run_pytest(suite, python, bootstrap_servers, directory, "first"))
    if results.failed:
        again = _read_report(_run_pytest(suite, python, bootstrap_servers, directory, "again", "--last-failed"))
        results.unsteady = results.failed & again.passed
        results.failed -= results.unsteady
    return results


def _copy_tests(suite: Suite, checkout: Path, directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "empty").mkdir(parents=True)
    for name in suite.copied:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, directory / name)
        else:
            shutil.copy(source, directory / name)
    for name, text in suite.appended.items():
        with (directory / name).open("a") as file:
            file.write(text)


def _run_pytest(suite: Suite, python: Path, bootstrap_servers: str, directory: Path, run: str, *arguments: str) -> Path:
    report = directory / f"{run}.xml"
    environment = {
        name: value.format(bootstrap=bootstrap_servers, empty=directory / "empty")
        for name, value in suite.environment.items()
    }
    command = [str(python), "-m", "pytest", "-q", f"--junitxml={report}", f"--timeout={TEST_TIMEOUT_SECONDS}"]
    command += ["--timeout-method=signal"]
    with (directory / "output.txt").open("a") as output:
        subprocess.run(
            [*command, *suite.arguments, *arguments],
            cwd=directory,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            timeout=SUITE_TIMEOUT_SECONDS,
            check=False,
        )
    return report


def _read_report(report: Path) -> Results:
    if not report.exists():
        raise SystemExit(f"pytest wrote no report: see {report.with_name('output.txt')}")
    results = Results()
    root = ElementTree.parse(report).getroot()
    results.seconds = sum(float(suite.get("time", 0)) for suite in root.iter("testsuite"))
    for case in root.iter("testcase"):
        outcomes = {child.tag for child in case}
        name = _stable_name(case)
        if outcomes & {"failure", "error"}:
            results.failed.add(name)
        elif "skipped" in outcomes:
            results.skipped.add(name)
        else:
            results.passed.add(name)
    results.passed -= results.failed  # one that passed and failed to clean up
    return results


def _stable_name(case: ElementTree.Element) -> str:
    """The test's name without what differs from run to run: addresses in memory, among its parameters."""
    return re.sub(r"0x[0-9a-f]+", "0x", f"{case.get('classname', '')}::{case.get('name', '')}")
