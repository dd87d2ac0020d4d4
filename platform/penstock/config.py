"""Typed configuration: the class body is the schema.

    class LinesConfig(SourceConfig):
        path: str = option("File to read.")
        batch_size: int = option("Lines in a batch.", default=1000, minimum=1)

From it come the JSON Schema (2020-12; what `penstock.validation` checks, what REST, forms and tables show) and
the typed `self.config` of a connector. The key in a configuration is the attribute's name with dots for
underscores: `batch.size`.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, dataclass_transform

from penstock.errors import BadConfiguration
from penstock.patterns import compiled
from penstock.validation import validate

Importance = Literal["high", "medium", "low"]

JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
CONSTRAINTS = ("minimum", "maximum", "enum", "pattern")


def option(
    description: str,
    *,
    default: Any = dataclasses.MISSING,
    secret: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] | None = None,
    pattern: str | None = None,
    importance: Importance = "medium",
    group: str = "Connector",
) -> Any:
    """One option. Without a default it is required; `secret` keeps its value out of logs, traces and REST. Of a list,
    the constraints are those of its items. `pattern` has to be RE2's, without lookaround and back-references, and may
    match anywhere: begin it with `^` and end it with `$`."""
    if pattern is not None:
        _check_pattern(pattern)
    constraints = zip(CONSTRAINTS, (minimum, maximum, list(choices) if choices else None, pattern), strict=True)
    schema: dict[str, Any] = {"description": description}
    schema |= {keyword: value for keyword, value in constraints if value is not None}
    if secret:
        schema["writeOnly"] = True
    schema["x-importance"] = "high" if default is dataclasses.MISSING else importance
    schema["x-group"] = group
    if isinstance(default, list | dict):
        factory_value = default
        return dataclasses.field(
            default_factory=lambda: factory_value.copy(), repr=not secret, metadata={"schema": schema}
        )
    return dataclasses.field(default=default, repr=not secret, metadata={"schema": schema})


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option,))
class Config:
    """The base of all configuration classes: subclasses become frozen dataclasses of their options.

    Types: str, int, float, bool, list[str], and `T | None` for an option that may be left out.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        dataclasses.dataclass(kw_only=True, frozen=True)(cls)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of this configuration, its keys in dotted form."""
        hints = typing.get_type_hints(cls)
        fields = dataclasses.fields(cls)
        schema: dict[str, Any] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {option_key(field.name): _property(cls, field, hints[field.name]) for field in fields},
            "required": [option_key(field.name) for field in fields if _default(field) is dataclasses.MISSING],
            "additionalProperties": False,
        }
        if cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}("):  # not the one that dataclass makes
            schema["description"] = cls.__doc__.strip()
        return schema

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """A typed configuration from the strings, numbers and lists that a person wrote.

        Raises BadConfiguration with every problem at once.
        """
        values, problems = validate(cls.json_schema(), raw)
        if problems:
            raise BadConfiguration(problems)
        return cls(**{key.replace(".", "_"): value for key, value in values.items()})


class SourceConfig(Config):
    """The base of a source's configuration."""


class SinkConfig(Config):
    """The base of a sink's configuration."""

    topics: list[str] = option("Topics to read from. Either these or topics.regex.", default=[], importance="high")
    topics_regex: str = option(
        "Regular expression of topics to read from: all whose whole names match, new ones from half a minute on.",
        default="",
        importance="high",
    )


def option_key(attribute: str) -> str:
    """`batch_size` -> `batch.size`."""
    return attribute.replace("_", ".")


def config_class_of(connector: type) -> type[Config]:
    """The configuration class that a connector names in its bases, as in `Source[LinesConfig]`."""
    for ancestor in connector.__mro__:
        for base in getattr(ancestor, "__orig_bases__", ()):
            for argument in typing.get_args(base):
                if isinstance(argument, type) and issubclass(argument, Config):
                    return argument
    raise TypeError(
        f"{connector.__qualname__} names no configuration class: write `Source[MyConfig]` or `Sink[MyConfig]`"
    )


def _check_pattern(pattern: str) -> None:
    try:
        compiled(pattern)
    except ValueError as error:
        raise ValueError(
            f"pattern {pattern!r}: {error} (patterns are RE2's; check in `open` what they cannot say)"
        ) from None


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _property(cls: type, field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    place = f"{cls.__module__}.{cls.__qualname__}.{field.name}"
    if "schema" not in field.metadata:
        raise TypeError(f'{place} is no option: write `{field.name}: ... = option("What it is for.")`')
    schema = dict(field.metadata["schema"])
    hint = _without_none(hint)
    item = typing.get_args(hint)[0] if typing.get_origin(hint) is list else hint
    if item not in JSON_TYPES:
        raise TypeError(
            f"{place}: an option cannot be of type {hint}, but of str, int, float, bool, a list of one of these"
            " (`list[str]`), or `T | None`"
        )
    if item is hint:
        schema = {"type": JSON_TYPES[item]} | schema
    else:
        constraints = {keyword: schema.pop(keyword) for keyword in CONSTRAINTS if keyword in schema}
        schema = {"type": "array", "items": {"type": JSON_TYPES[item]} | constraints} | schema
    default = _default(field)
    if default is not dataclasses.MISSING and default is not None:
        schema["default"] = default
    return schema


def _without_none(hint: Any) -> Any:
    """`T` of `T | None`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [argument for argument in typing.get_args(hint) if argument is not type(None)]
        return others[0] if len(others) == 1 else hint
    return hint
