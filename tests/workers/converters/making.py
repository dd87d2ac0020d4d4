"""A converter by its name and options, as a configuration has them."""

from __future__ import annotations

from typing import Any

from penstock import Converter, Part
from penstock_workers.converters.choice import Converters
from penstock_workers.converters.registry import make_converter


def converter(name: str, **options: Any) -> Converter[Any]:
    part: Part = "header" if name == "simple" else "value"
    return make_converter(Converters().find(name, part).import_path, part, options)
