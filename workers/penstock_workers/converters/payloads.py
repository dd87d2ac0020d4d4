"""A value as the payload that its schema asks for, and back, by the rules of Kafka Connect's JSON converter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock import Schema
from penstock_workers.converters.schemas import SchemaMismatch, checked, items, plain_payload, plain_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Payloads:
    """The one walk down a schema, in either direction. Raises SchemaMismatch, which names the field."""

    numeric_decimals: bool
    """Write decimals as JSON numbers, not as base64."""
    replace_null_with_default: bool

    def to_payload(self, value: Any, schema: Schema, path: str = "payload") -> Any:
        """What JSON can hold."""
        if value is None:
            return self._absent(schema, path)
        match schema.get("type"):
            case "array":
                inner = schema["items"]
                return [self.to_payload(item, inner, f"{path}[{index}]") for index, item in items(value, path)]
            case "map":
                return self._map_payload(checked(value, Mapping, schema, path), schema, path)
            case "struct":
                struct = checked(value, Mapping, schema, path)
                return {
                    field["field"]: self.to_payload(struct.get(field["field"]), field, f"{path}.{field['field']}")
                    for field in schema["fields"]
                }
        return plain_payload(value, schema, path, numeric_decimals=self.numeric_decimals)

    def from_payload(self, payload: Any, schema: Schema, path: str = "payload") -> Any:
        """The value; one that is missing has the schema's default, if such are to be replaced."""
        if payload is None:
            payload = self._absent(schema, path)
            if payload is None:
                return None
        match schema.get("type"):
            case "array":
                inner = schema["items"]
                return [self.from_payload(item, inner, f"{path}[{index}]") for index, item in items(payload, path)]
            case "map":
                return self._map_value(payload, schema, path)
            case "struct":
                struct = checked(payload, Mapping, schema, path)
                return {
                    field["field"]: self.from_payload(struct.get(field["field"]), field, f"{path}.{field['field']}")
                    for field in schema["fields"]
                }
        return plain_value(payload, schema, path)

    def _absent(self, schema: Schema, path: str) -> Any:
        if self.replace_null_with_default and schema.get("default") is not None:
            return schema["default"]
        if schema.get("optional"):
            return None
        raise SchemaMismatch(f"{path} is null, which its schema does not allow")

    def _map_payload(self, value: Mapping[Any, Any], schema: Schema, path: str) -> Any:
        """An object where keys are strings, else a list of pairs."""
        keys, values = schema["keys"], schema["values"]
        pairs = [
            (self.to_payload(key, keys, f"{path} key"), self.to_payload(item, values, f"{path}[{key!r}]"))
            for key, item in value.items()
        ]
        return dict(pairs) if keys.get("type") == "string" and not keys.get("optional") else pairs

    def _map_value(self, payload: Any, schema: Schema, path: str) -> dict[Any, Any]:
        keys, values = schema["keys"], schema["values"]
        is_object = isinstance(payload, Mapping)
        pairs = payload.items() if is_object else [(key, item) for _, (key, item) in items(payload, path)]
        return {
            self.from_payload(key, keys, f"{path} key"): self.from_payload(item, values, f"{path}[{key!r}]")
            for key, item in pairs
        }
