"""Runs the probe in a child process, with a deadline for each plugin, and collects what it tells."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field

from penstock import PenstockError, Problem
from penstock_platform.plugins.catalog import Catalog
from penstock_workers.converters.choice import Converters
from penstock_workers.converters.registry import OWN
from penstock_workers.own_config_providers import OWN as OWN_CONFIG_PROVIDERS
from penstock_workers.plugins import ConfigProviderInfo, ConverterInfo, PluginInfo

PROBE = "penstock_platform.plugins.probe"
LOAD_TIMEOUT_SECONDS = 30.0  # heavy libraries take many seconds to import from a cold disk
LINE_LIMIT_BYTES = 16 << 20  # the schemas of one plugin are one line


@dataclass
class Findings:
    """What the probes of one discovery have told so far."""

    plugins: list[PluginInfo] = field(default_factory=list)
    converters: list[ConverterInfo] = field(default_factory=list)
    config_providers: list[ConfigProviderInfo] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """The plugins that a probe began to load, in order."""
    loading: str | None = None


async def discover(load_timeout_seconds: float = LOAD_TIMEOUT_SECONDS) -> Catalog:
    """All that is installed. A plugin that hangs or kills its process is reported, and the probe of the others
    goes on in a new process."""
    findings = Findings()
    while failure := await _probe(findings, load_timeout_seconds):
        if findings.loading is None:
            raise _impossible(failure)
        findings.problems.append(_broken(findings.loading, failure))
        findings.loading = None
    return Catalog(
        findings.plugins,
        findings.problems,
        Converters([*OWN, *findings.converters]),
        [*OWN_CONFIG_PROVIDERS, *findings.config_providers],
    )


async def _probe(findings: Findings, load_timeout_seconds: float) -> str:
    """Run one child to its end. Answers why it did not reach it, empty where it did."""
    # -P: the current folder is no place to import from, whatever lies there.
    command = (sys.executable, "-P", "-m", PROBE, *findings.seen)
    child = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, limit=LINE_LIMIT_BYTES
    )
    try:
        while line := await _next_line(child, load_timeout_seconds):
            _take(findings, line)
        exit_code = await child.wait()
    except TimeoutError:
        return f"did not finish loading within {load_timeout_seconds:g} s"
    finally:
        await _end(child)
    if findings.loading or exit_code:
        return _died(exit_code)
    return ""


async def _next_line(child: Process, timeout_seconds: float) -> bytes:
    assert child.stdout is not None
    return await asyncio.wait_for(child.stdout.readline(), timeout_seconds)


def _take(findings: Findings, line: bytes) -> None:
    message = json.loads(line)
    if "loading" in message:
        findings.loading = message["loading"]
        findings.seen.append(message["loading"])
        return
    findings.loading = None
    findings.plugins += [PluginInfo(**plugin) for plugin in message["plugins"]]
    findings.converters += [ConverterInfo(**converter) for converter in message["converters"]]
    findings.config_providers += [ConfigProviderInfo(**provider) for provider in message["config_providers"]]
    findings.problems += [Problem(**problem) for problem in message["problems"]]


async def _end(child: Process) -> None:
    if child.returncode is None:
        child.kill()
        await child.wait()


def _died(exit_code: int) -> str:
    if exit_code < 0:
        return f"killed its process: {signal.Signals(-exit_code).name}"
    return f"ended its process with exit code {exit_code}"


def _impossible(failure: str) -> PenstockError:
    return PenstockError(
        f"cannot look for plugins: the probe {failure}",
        code="discovery-failed",
        where=f"{sys.executable} -m {PROBE}",
        hint="run it by hand: it shows what is wrong with this Python environment",
    )


def _broken(name: str, failure: str) -> Problem:
    return Problem(
        "broken-plugin",
        f"plugin {name} {failure}",
        f"entry point {name}",
        f"repair or uninstall it; `{sys.executable} -m {PROBE}` shows what it prints",
    )
