"""What kio's descriptions of the messages say about a field: the terms in which encoders and checks are compiled."""

from dataclasses import Field, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

FIXED_FORMATS = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "uint16": "H",
    "error_code": "h",
    "int32": "i",
    "timedelta_i32": "i",
    "int64": "q",
    "timedelta_i64": "q",
    "datetime_i64": "q",
    "float64": "d",
    "uuid": "16s",
}
"""`struct`'s format for each type whose encoding has a fixed size."""


def is_array(field: Field[Any]) -> bool:
    return any(get_origin(member) is tuple for member in _members(field.type))


def is_struct(field: Field[Any]) -> bool:
    return not is_array(field) and is_dataclass(inner_type(field))


def is_optional(field: Field[Any]) -> bool:
    return type(None) in _members(field.type)


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (UnionType, Union) else (annotation,)


def inner_type(field: Field[Any]) -> type:
    """The type of the field's value, or of its items, without `| None`."""
    (inner,) = (member for member in _members(field.type) if member is not type(None))
    if get_origin(inner) is tuple:
        (inner,) = (member for member in _members(get_args(inner)[0]) if member is not type(None))
    return inner  # type: ignore[no-any-return]
