"""Penstock's own converters, and how any converter is described and made."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import penstock
from penstock import BadConfiguration, Failed, Part, Problem
from penstock.converter import Converter, ConverterClass, ConverterConfig
from penstock_workers.converters.headers import SimpleHeaderConverter
from penstock_workers.converters.json import ConnectJsonConverter, JsonConverter
from penstock_workers.converters.keys import name_key
from penstock_workers.converters.numbers import (
    BooleanConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from penstock_workers.converters.strings import BytesConverter, StringConverter
from penstock_workers.plugins import ConverterInfo

CONNECT = "org.apache.kafka.connect"
_OWN: Mapping[str, ConverterClass] = {
    f"{CONNECT}.converters.ByteArrayConverter": BytesConverter,
    f"{CONNECT}.storage.StringConverter": StringConverter,
    "json": JsonConverter,
    f"{CONNECT}.json.JsonConverter": ConnectJsonConverter,
    f"{CONNECT}.converters.BooleanConverter": BooleanConverter,
    f"{CONNECT}.converters.ShortConverter": ShortConverter,
    f"{CONNECT}.converters.IntegerConverter": IntegerConverter,
    f"{CONNECT}.converters.LongConverter": LongConverter,
    f"{CONNECT}.converters.FloatConverter": FloatConverter,
    f"{CONNECT}.converters.DoubleConverter": DoubleConverter,
    f"{CONNECT}.storage.SimpleHeaderConverter": SimpleHeaderConverter,
}


def describe(converter: ConverterClass, class_name: str, version: str) -> ConverterInfo:
    """Raises whatever a class that is no proper converter makes it raise."""
    return ConverterInfo(
        class_name=class_name,
        version=converter.version or version,
        import_path=f"{converter.__module__}:{converter.__qualname__}",
        schema=_described(converter),
        aliases=list(converter.aliases),
        parts=list(converter.parts),
    )


def _described(converter: ConverterClass) -> dict[str, Any]:
    """Its JSON Schema; what it does the class says where it has no options."""
    schema = converter.config_class().json_schema()
    if converter.config_class() is ConverterConfig:
        schema["description"] = inspect.cleandoc(converter.__dict__.get("__doc__") or "")
    return schema


OWN = tuple(describe(converter, name, penstock.__version__) for name, converter in _OWN.items())


def make_converter(import_path: str, part: Part, options: Mapping[str, Any]) -> Converter[Any]:
    """In a task host: this imports the code of plugins. Raises BadConfiguration and Failed."""
    module, _, class_name = import_path.partition(":")
    try:
        converter: ConverterClass = getattr(importlib.import_module(module), class_name)
    except Exception as error:
        raise Failed(
            f"cannot import {import_path}",
            code="plugin-import-failed",
            where=name_key(part),
            hint="reinstall the plugin, or correct what its import raised",
        ) from error
    try:
        return converter(converter.config_class().parse(options), part)
    except BadConfiguration as error:
        raise BadConfiguration(list(_prefixed(error.problems, f"{name_key(part)}."))) from error.__cause__


def _prefixed(problems: Iterable[Problem], prefix: str) -> Iterable[Problem]:
    for problem in problems:
        yield Problem(problem.code, problem.message, f"{prefix}{problem.where}", problem.hint)
