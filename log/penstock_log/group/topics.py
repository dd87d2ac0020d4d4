"""The cluster's topics as groups see them: by name in what is decided, by id in what is stored."""

from __future__ import annotations

from typing import Any, Final, Protocol
from uuid import UUID

import re2  # type: ignore[import-untyped]

from penstock_log.controller.state import ClusterState
from penstock_log.errors import ErrorCode, LogError

PATTERNS_MAX: Final = 1_000
"""Whose matches are remembered: clients can think up any number."""


class Topics(Protocol):
    def topic_id(self, name: str) -> UUID | None: ...
    def topic_name(self, topic_id: UUID) -> str | None: ...
    def partition_count(self, topic: str) -> int:
        """How many partitions a topic has now; 0 where there is none."""

    def matching(self, pattern: str) -> frozenset[str]:
        """The topics whose whole name matches. Raises LogError for a pattern that none can match."""


class ClusterTopics:
    """`Topics` from the cluster's metadata. `forget_matches` when a topic has come or gone.

    Patterns come from clients: RE2 takes a time linear in the length of what it reads, whatever the pattern, and its
    syntax is the one that Kafka's documentation promises.
    """

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self.topic_id = state.topic_id
        self.topic_name = state.topic_name
        self.partition_count = state.partition_count
        self._matches: dict[str, frozenset[str]] = {}

    def matching(self, pattern: str) -> frozenset[str]:
        if pattern not in self._matches:
            compiled = _compiled(pattern)
            if len(self._matches) == PATTERNS_MAX:
                self._matches.clear()
            self._matches[pattern] = frozenset(name for name in self._state.topics if compiled.fullmatch(name))
        return self._matches[pattern]

    def forget_matches(self) -> None:
        self._matches.clear()


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        raise LogError(
            ErrorCode.invalid_regular_expression,
            f"SubscribedTopicRegex `{pattern}` is not a valid regular expression:"
            f" {reason.decode(errors='replace') if isinstance(reason, bytes) else reason}",
        ) from error
