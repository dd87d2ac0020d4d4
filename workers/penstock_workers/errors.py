"""What a worker refuses or cannot do, as the REST API and the command line show it."""

from __future__ import annotations

from penstock import PenstockError


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
        super().__init__(f"Task {task} not found", where=name, hint=hint)


class ConnectorExists(PenstockError):
    """A connector of this name exists. REST answers 409."""

    code = "connector-exists"

    def __init__(self, name: str) -> None:
        hint = f"PUT /connectors/{name}/config changes it"
        super().__init__(f"Connector {name} already exists", where=name, hint=hint)


class LogUnavailable(PenstockError):
    """The log did not answer within the deadline. REST answers 503."""

    code = "log-unavailable"


class UnsuitableTopic(PenstockError):
    """An internal topic exists, but not as a table needs it. The worker does not start."""

    code = "unsuitable-topic"
