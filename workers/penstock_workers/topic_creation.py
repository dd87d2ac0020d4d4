"""Topics that a source needs, made as its configuration says: Kafka Connect's `topic.creation.*` (KIP-158). Pure.

Groups say which topics they are for, by regular expressions; `default` takes whatever no group takes. Without any such
option no topic is made, and a new one is as the log makes it by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock import BadConfiguration, Problem
from penstock.validation import validate
from penstock_workers.topic_pattern import topic_pattern

PREFIX = "topic.creation."
GROUPS = "topic.creation.groups"
DEFAULT = "default"
INCLUDE, EXCLUDE, PARTITIONS, REPLICATION_FACTOR = "include", "exclude", "partitions", "replication.factor"
OF_THE_LOG = -1
_OF_A_GROUP = (INCLUDE, EXCLUDE, PARTITIONS, REPLICATION_FACTOR)


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic as it is to be made, unless it exists."""

    name: str
    partitions: int
    """As the replication factor, -1 where the log has a default for it."""
    replication_factor: int
    configs: Mapping[str, str]
    options: str
    """How the options begin that say all this: an error names the option to correct."""


@dataclass(frozen=True, slots=True)
class TopicGroup:
    name: str
    include: Sequence[str]
    exclude: Sequence[str]
    partitions: int
    replication_factor: int
    configs: Mapping[str, str]

    def takes(self, topic: str) -> bool:
        if self.name == DEFAULT:
            return True
        return _matches(self.include, topic) and not _matches(self.exclude, topic)

    def new_topic(self, name: str) -> NewTopic:
        return NewTopic(name, self.partitions, self.replication_factor, self.configs, _prefix(self.name))


def topic_groups(config: Mapping[str, str]) -> list[TopicGroup]:
    """Of a source's whole configuration: in the order in which they are asked; none where it makes no topics. Raises
    BadConfiguration."""
    if not _makes_topics(config):
        return []
    options = {key: value for key, value in config.items() if key.startswith(PREFIX)}
    values, wrong = validate({"properties": definitions(config), "required": required(config)}, options)
    if wrong := [*wrong, *problems(config, values)]:
        raise BadConfiguration(wrong)
    return [_group(name, config, values) for name in (*_names(config), DEFAULT)]


def new_topic(groups: Sequence[TopicGroup], name: str) -> NewTopic:
    """As the first group says that takes the topic; the last one takes any."""
    return next(group for group in groups if group.takes(name)).new_topic(name)


def definitions(config: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """JSON Schema of these options, as far as a configuration has them."""
    known = {GROUPS: _list("Groups of topics that are made alike; the first that takes a topic counts.")}
    if not _makes_topics(config):
        return known
    for key in _keys(config):  # those of unknown groups too: what is wrong with them is said once
        known[key] = _option("string", "A topic configuration, as the log knows it.", "")
    for group in (DEFAULT, *_names(config)):
        known |= {f"{_prefix(group)}{key}": definition for key, definition in _of_group(group).items()}
    return known


def required(config: Mapping[str, str]) -> list[str]:
    """The default group has to be complete where there is any."""
    if not _makes_topics(config):
        return []
    return [f"{_prefix(DEFAULT)}{PARTITIONS}", f"{_prefix(DEFAULT)}{REPLICATION_FACTOR}"]


def problems(config: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[Problem]:
    """What the schema cannot tell. `values`: typed, as it has read them."""
    groups = _listed(config)
    if len(set(groups)) < len(groups):
        yield Problem("invalid-option", "Duplicate alias provided.", GROUPS, "name each group once")
    for key in _keys(config):
        group, option = _split(key, groups)
        if not group or not option:
            hint = f"name its group in {GROUPS}, or leave this out"
            yield Problem("unknown-option", f"is of no group that {GROUPS} names", key, hint)
        elif option in (INCLUDE, EXCLUDE):
            yield from _bad_patterns(key, values.get(key))
        elif option in (PARTITIONS, REPLICATION_FACTOR):
            yield from _bad_number(key, values.get(key))


def _bad_patterns(key: str, patterns: Any) -> Iterator[Problem]:
    for pattern in patterns if isinstance(patterns, list) else ():
        try:
            topic_pattern(pattern)
        except ValueError as error:
            text = f"{pattern:.100} is no regular expression: {error}"
            yield Problem("invalid-option", text, key, "write regular expressions of Python, such as logs-.*")


def _bad_number(key: str, number: Any) -> Iterator[Problem]:
    if isinstance(number, int) and number < 1 and number != OF_THE_LOG:
        what = "Number of partitions" if key.endswith(PARTITIONS) else "Replication factor"
        text = f"{number}: {what} must be positive, or -1 to use the broker's default"
        yield Problem("invalid-option", text, key, "set a number, or -1")


def _group(name: str, config: Mapping[str, str], values: Mapping[str, Any]) -> TopicGroup:
    own = {option: key for key in _keys(config) for owner, option in [_split(key, _names(config))] if owner == name}
    configs = {option: config[key] for option, key in own.items() if option not in _OF_A_GROUP}
    counts = {
        option: values[own.get(option, f"{_prefix(DEFAULT)}{option}")] for option in (PARTITIONS, REPLICATION_FACTOR)
    }
    patterns = {option: values.get(f"{_prefix(name)}{option}", ()) for option in (INCLUDE, EXCLUDE)}
    return TopicGroup(
        name, patterns[INCLUDE], patterns[EXCLUDE], counts[PARTITIONS], counts[REPLICATION_FACTOR], configs
    )


def _of_group(group: str) -> dict[str, dict[str, Any]]:
    of_default = "" if group == DEFAULT else " Default: that of the default group."
    counts = {
        PARTITIONS: _count(f"Partitions of such a topic; -1: the log's default.{of_default}", 2**31 - 1),
        REPLICATION_FACTOR: _count(
            f"Copies of each, fewer where the log has fewer nodes; -1: the log's default.{of_default}", 2**15 - 1
        ),
    }
    if group == DEFAULT:
        return counts
    include = _list("Regular expressions: topics whose whole name one of them matches are of this group.")
    return {INCLUDE: include, EXCLUDE: _list("Of these, topics that are not."), **counts}


def _option(kind: str, description: str, default: Any = None) -> dict[str, Any]:
    definition = {"type": kind, "description": description, "x-group": "Topic creation", "x-importance": "low"}
    return definition if default is None else definition | {"default": default}


def _list(description: str) -> dict[str, Any]:
    return _option("array", description, []) | {"items": {"type": "string"}}


def _count(description: str, maximum: int) -> dict[str, Any]:
    return _option("integer", description) | {"maximum": maximum}


def _makes_topics(config: Mapping[str, str]) -> bool:
    return bool(_listed(config) or _keys(config))


def _keys(config: Mapping[str, str]) -> list[str]:
    return [key for key in config if key.startswith(PREFIX) and key != GROUPS]


def _listed(config: Mapping[str, str]) -> list[str]:
    return [name for each in config.get(GROUPS, "").split(",") if (name := each.strip())]


def _names(config: Mapping[str, str]) -> list[str]:
    return [name for name in dict.fromkeys(_listed(config)) if name != DEFAULT]


def _split(key: str, groups: Sequence[str]) -> tuple[str, str]:
    """The group of an option and what it says of it; of groups `a` and `a.b`, `a.b.partitions` is the latter's."""
    owners = [group for group in (DEFAULT, *groups) if key.startswith(_prefix(group))]
    owner = max(owners, key=len, default="")
    return owner, key.removeprefix(_prefix(owner)) if owner else ""


def _prefix(group: str) -> str:
    return f"{PREFIX}{group}."


def _matches(patterns: Sequence[str], topic: str) -> bool:
    return any(topic_pattern(pattern).match(topic) for pattern in patterns)
