"""A worker's configuration as people have it: Penstock's options, and those of Kafka Connect's workers beside them.

A `connect-distributed.properties` is taken as it is. What has no effect here is said once, when the worker starts; what
would make the worker do something else than it says is refused.
"""

from __future__ import annotations

import difflib
import re
import socket
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from penstock import BadConfiguration, Problem
from penstock.validation import validate
from penstock_workers.config import WorkerConfig
from penstock_workers.config_providers import KEY, ConfiguredProvider, has_reference, providers_of, resolved
from penstock_workers.converters.keys import PARTS, name_key, part_of
from penstock_workers.kafka_connect_worker_options import CLIENTS, CONNECTION, REASONS, without_effect
from penstock_workers.option_text import text_of

LISTENERS = "listeners"
GRACE_MS, GRACE_SECONDS = "task.shutdown.graceful.timeout.ms", "task.shutdown.graceful.timeout.seconds"
_LISTENER = re.compile(r"(?P<scheme>https?)://(?P<host>\[[^\]]*\]|[^:/]*):(?P<port>\d+)/?", re.IGNORECASE)
EVERYWHERE = ("0.0.0.0", "::")


class WorkerOptions(NamedTuple):
    config: WorkerConfig
    converters: Mapping[str, str]
    """`key.converter`, `value.converter`, `header.converter` and their options."""
    providers: Mapping[str, ConfiguredProvider]
    without_effect: Mapping[str, list[str]]
    """Options that change nothing, by the reason."""


def read_worker_options(raw: Mapping[str, Any]) -> WorkerOptions:
    """Raises BadConfiguration with every problem that one reading shows."""
    own_providers = {name: each for name, each in providers_of(raw).items() if each.import_path}
    raw = resolved(raw, own_providers)
    providers = providers_of(raw) | own_providers
    _check_clients(raw)
    left = {key: value for key, value in raw.items() if not (key == KEY or key.startswith(f"{KEY}."))}
    converters = {key: text_of(value) for key, value in left.items() if part_of(key)}
    known = WorkerConfig.json_schema()["properties"]
    idle: defaultdict[str, list[str]] = defaultdict(list)
    for key in left.keys() - known.keys() - converters.keys() - {LISTENERS, GRACE_MS}:
        if reason := without_effect(key):
            idle[reason].append(key)
    skipped = {*converters, *(key for keys in idle.values() for key in keys), LISTENERS, GRACE_MS}
    own = {key: value for key, value in left.items() if key not in skipped}
    problems = [*_unknown(own.keys() - known.keys()), *_of_plugins(own, providers.keys() - own_providers.keys())]
    own = {key: own[key] for key in own.keys() & known.keys()} | dict(_listener(left)) | dict(_grace(left))
    problems += validate(WorkerConfig.json_schema(), own).problems
    if problems:
        raise BadConfiguration(problems)
    return WorkerOptions(WorkerConfig.parse(own), converters, providers, dict(sorted(idle.items())))


def _unknown(keys: Collection[str]) -> Iterator[Problem]:
    known = [*WorkerConfig.json_schema()["properties"], *REASONS, *map(name_key, PARTS), LISTENERS, GRACE_MS, KEY]
    for key in sorted(keys):
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "docs/reference/worker.md lists them all"
        yield Problem("unknown-option", "is not an option of a worker", key, hint)


def _of_plugins(config: Mapping[str, Any], providers: Collection[str]) -> Iterator[Problem]:
    for key, value in config.items():
        if isinstance(value, str) and has_reference(value, providers):
            text = "refers to a config provider of a plugin, whose code no worker runs"
            yield Problem("unsupported-option", text, key, "use one of file, directory and env for it")


def _listener(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """REST listens at one address, without TLS."""
    if LISTENERS not in raw:
        return
    text = text_of(raw[LISTENERS])
    found = [_LISTENER.fullmatch(each.strip()) for each in text.split(",") if each.strip()]
    plain = [each for each in found if each and each["scheme"].lower() == "http"]
    if len(found) != 1 or not plain:
        raise BadConfiguration(
            f"{text} is not one address of the form http://HOST:PORT",
            where=LISTENERS,
            hint="REST listens at one address and without TLS; put a proxy before it for others",
        )
    host = plain[0]["host"].strip("[]") or EVERYWHERE[0]
    yield "rest.host.name", host
    yield "rest.port", int(plain[0]["port"])
    if host in EVERYWHERE and "rest.advertised.host.name" not in raw:
        yield "rest.advertised.host.name", socket.gethostname()  # others cannot call 0.0.0.0, nor tell workers apart


def _grace(raw: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    if GRACE_MS not in raw:
        return
    text = text_of(raw[GRACE_MS]).strip()
    if not text.isdecimal():
        raise BadConfiguration(f"{text} is no number of milliseconds", where=GRACE_MS, hint=f"or set {GRACE_SECONDS}")
    yield GRACE_SECONDS, int(text) / 1000


def _check_clients(raw: Mapping[str, Any]) -> None:
    """Tasks connect as their worker does: files repeat that for each kind of client, and may do so."""
    for key, value in raw.items():
        option = next((key.removeprefix(prefix) for prefix in CLIENTS if key.startswith(prefix)), "")
        if option.startswith(CONNECTION) and text_of(raw.get(option, "")) != text_of(value):
            raise BadConfiguration(
                f"differs from {option}: all connections to the log are made as the worker's own",
                where=key,
                hint=f"set {option} to the same, or leave this out",
            )
