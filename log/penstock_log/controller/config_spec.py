"""What a configuration is: name, type, default, what values it takes, and what a person should know about it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from penstock_log.errors import ErrorCode, LogError

LONG_MAX = (1 << 63) - 1
INT_MAX = (1 << 31) - 1


class ConfigType(IntEnum):
    """DescribeConfigs' config types, as they are on the wire."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    LONG = 5
    DOUBLE = 6
    LIST = 7
    PASSWORD = 9


class ConfigSource(IntEnum):
    """DescribeConfigs' config sources: where an effective value comes from, as it is on the wire."""

    TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5


@dataclass(frozen=True, slots=True)
class ConfigSpec:
    """One configuration. `broker_name` is the broker's configuration from which a topic's takes its default."""

    name: str
    type: ConfigType
    default: str
    documentation: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    broker_name: str | None = None

    def check(self, value: str) -> None:
        """Raises LogError INVALID_CONFIG where the value is not one that this configuration takes."""
        problem = self._problem(value)
        if problem:
            raise LogError(ErrorCode.invalid_config, f"Invalid value {value} for configuration {self.name}: {problem}")

    def _problem(self, value: str) -> str | None:
        match self.type:
            case ConfigType.BOOLEAN:
                return None if value.lower() in ("true", "false") else "expected true or false"
            case ConfigType.INT | ConfigType.LONG:
                return self._number_problem(value, int)
            case ConfigType.DOUBLE:
                return self._number_problem(value, float)
            case ConfigType.LIST:
                members = [member.strip() for member in value.split(",") if member.strip()]
                return next((problem for member in members if (problem := self._choice_problem(member))), None)
            case ConfigType.STRING | ConfigType.PASSWORD:
                return self._choice_problem(value)

    def _number_problem(self, value: str, parse: Callable[[str], float]) -> str | None:
        try:
            number = parse(value)
        except ValueError:
            return f"not a number of type {self.type.name}"
        bounds = {ConfigType.INT: INT_MAX, ConfigType.LONG: LONG_MAX}
        maximum = self.maximum if self.maximum is not None else bounds.get(self.type, number)
        minimum = self.minimum if self.minimum is not None else -maximum - 1
        if not number >= minimum:
            return f"value must be at least {minimum}"
        return None if number <= maximum else f"value must be no more than {maximum}"

    def _choice_problem(self, value: str) -> str | None:
        if not self.choices or value in self.choices:
            return None
        return f"String must be one of: {', '.join(self.choices)}"
