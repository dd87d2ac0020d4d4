"""The one exception of the log: a Kafka error code, and a message for the person who reads it."""

from kio.schema.errors import ErrorCode

__all__ = ["ErrorCode", "LogError"]


class LogError(Exception):
    """A request that the log refuses. The API layer answers with `code`; the message says what, where, what to do."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
