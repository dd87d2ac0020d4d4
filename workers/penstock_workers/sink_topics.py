"""What a sink reads: the topics of a list, or all whose whole name matches a pattern, those to come as well. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock import Problem, SinkConfig
from penstock.yielded import TOPIC_NAME
from penstock_workers.topic_pattern import TopicPattern, topic_pattern


@dataclass(frozen=True, slots=True)
class SinkTopics:
    names: Sequence[str] = ()
    pattern: str = ""

    @classmethod
    def of(cls, config: SinkConfig) -> SinkTopics:
        return cls(config.topics, config.topics_regex)

    def __contains__(self, topic: object) -> bool:
        if self.pattern:
            return isinstance(topic, str) and self.compiled.match(topic)
        return topic in self.names

    def __str__(self) -> str:
        return f"topics.regex={self.pattern}" if self.pattern else f"topics={','.join(self.names)}"

    @property
    def compiled(self) -> TopicPattern:
        """Raises ValueError where the pattern is none."""
        return topic_pattern(self.pattern)

    @property
    def are_soon_told(self) -> bool:
        """Whether a process that serves others may ask what is among them. Raises ValueError, as `compiled`."""
        return not self.pattern or self.compiled.is_linear

    def problems(self, dead_letter_topic: str = "", *, in_a_task: bool = False) -> Iterator[Problem]:
        """What is wrong with them, for a sink whose dead letters go to that topic. A task's process tells all."""
        if self.names and self.pattern:
            text = "topics and topics.regex are mutually exclusive options, but both are set"
            yield Problem("invalid-option", text, "topics.regex", "leave one of them out")
        elif not self.names and not self.pattern:
            text = "must configure one of topics or topics.regex"
            yield Problem("missing-option", text, "topics", "name the topics to read from")
        if wrong := [name for name in self.names if not TOPIC_NAME.fullmatch(name)]:
            text = f"{wrong[0]!r} cannot be the name of a topic"
            yield Problem("invalid-option", text, "topics", "names have 1 to 249 letters, digits, '.', '_' and '-'")
        try:
            may_ask = self.are_soon_told or in_a_task
        except ValueError as error:
            hint = "write a regular expression of Python, such as logs-.*"
            yield Problem("invalid-option", f"is no regular expression: {error}", "topics.regex", hint)
            return
        if may_ask and dead_letter_topic and dead_letter_topic in self:
            text = f"the connector reads from {dead_letter_topic} ({self}): what fails would come round for ever"
            yield Problem("invalid-option", text, "errors.deadletterqueue.topic.name", "name another topic")
