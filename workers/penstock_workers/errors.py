"""What a worker refuses or cannot do, as the REST API and the command line show it."""

from __future__ import annotations

from penstock import PenstockError, RetryLater


class UnknownConnector(PenstockError):
    """No connector of this name. REST answers 404."""

    code = "unknown-connector"

    def __init__(self, name: str) -> None:
        super().__init__(f"Connector {name} not found", where=name, hint="GET /connectors lists those that exist")


class UnknownTask(PenstockError):
    """The connector has no task of this number. REST answers 404."""

    code = "unknown-task"

    def __init__(self, name: str, task: int, tasks: int) -> None:
        hint = f"its tasks are numbered 0 to {tasks - 1}" if tasks else "it has no tasks in its present state"
        super().__init__(f"Unknown task: {name}-{task}", where=name, hint=hint)


class ConnectorExists(PenstockError):
    """A connector of this name exists. REST answers 409."""

    code = "connector-exists"

    def __init__(self, name: str) -> None:
        hint = f"PUT /connectors/{name}/config changes it"
        super().__init__(f"Connector {name} already exists", where=name, hint=hint)


class BadOffsets(PenstockError):
    """The offsets that a request gives, or asks for, cannot be the connector's. REST answers 400."""

    code = "bad-offsets"


class ConnectorNotStopped(PenstockError):
    """A running connector would go on from where it is: offsets are changed while it is stopped. REST answers 400."""

    code = "connector-not-stopped"

    def __init__(self, name: str) -> None:
        super().__init__(
            "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the "
            f"specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint",
            where=name,
            hint=f"PUT /connectors/{name}/stop, and PUT /connectors/{name}/resume afterwards",
        )


class TasksStillRunning(PenstockError):
    """The connector is to be stopped, but tasks of it have not ended yet. REST answers 409; nothing was changed."""

    code = "tasks-still-running"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The offsets of connector {name} cannot be changed: its tasks have not stopped completely yet, or it was "
            "resumed meanwhile",
            where=name,
            hint="try again: it is safe to repeat this",
        )


class NothingToUndo(PenstockError):
    """No change of the connector's offsets is remembered. REST answers 404."""

    code = "nothing-to-undo"

    def __init__(self, name: str) -> None:
        hint = "changes by PATCH, DELETE and reset are remembered, not what tasks commit"
        super().__init__(f"No change of the offsets of connector {name} can be undone", where=name, hint=hint)


class LogUnavailable(PenstockError):
    """The log did not answer within the deadline. REST answers 503."""

    code = "log-unavailable"


class LogRefusesConnection(RetryLater):
    """The log is there and does not let this process in: as it is configured, or as the log is."""

    code = "connection-refused"


class UnsuitableTopic(PenstockError):
    """An internal topic exists, but not as a table needs it. The worker does not start."""

    code = "unsuitable-topic"
