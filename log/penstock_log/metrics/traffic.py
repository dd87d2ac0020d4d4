"""Traffic: what goes in and out of each topic, as plain integers that the hot path adds to."""

from penstock_log.controller.events import Event, TopicDeleted


class TopicTraffic:
    """Since the node's start. Records are counted by the offsets that they were given, never by decoding."""

    __slots__ = ("bytes_in", "bytes_out", "failed_fetches", "failed_produces", "fetches", "messages_in", "produces")

    def __init__(self) -> None:
        self.messages_in = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.produces = 0
        self.failed_produces = 0
        self.fetches = 0
        self.failed_fetches = 0

    def add(self, other: "TopicTraffic") -> None:
        for counter in self.__slots__:
            setattr(self, counter, getattr(self, counter) + getattr(other, counter))


class Traffic(dict[str, TopicTraffic]):
    """By topic; `traffic[name]` is there from its first use. Ask only for topics that exist."""

    def __init__(self) -> None:
        super().__init__()
        self._of_deleted_topics = TopicTraffic()

    def __missing__(self, topic: str) -> TopicTraffic:
        traffic = self[topic] = TopicTraffic()
        return traffic

    def on_event(self, event: Event) -> None:
        """Forget a deleted topic, but not its share in the total: a counter must not go back."""
        if isinstance(event, TopicDeleted) and event.name in self:
            self._of_deleted_topics.add(self.pop(event.name))

    def total(self) -> TopicTraffic:
        total = TopicTraffic()
        for traffic in (self._of_deleted_topics, *self.values()):
            total.add(traffic)
        return total
