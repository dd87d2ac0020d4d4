"""A connector class, looked at while it is defined: methods that the platform could not call are told at once, with
their place, and not by an obscure error when a task runs."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any


def check_methods(connector: type) -> None:
    """Raises TypeError for a method that is not of the kind, or has not the parameters, of the one it overrides."""
    for name, member in vars(connector).items():
        overridden = getattr(super(connector, connector), name, None)
        function = getattr(member, "__func__", member)
        if isinstance(function, FunctionType) and callable(overridden) and not name.startswith("_"):
            _check(connector, name, function, getattr(overridden, "__func__", overridden))


def _check(connector: type, name: str, function: FunctionType, overridden: Any) -> None:
    complaint = _complaint(name, function, overridden)
    if complaint:
        place = f'File "{function.__code__.co_filename}", line {function.__code__.co_firstlineno}'
        raise TypeError(f"{connector.__qualname__}.{name} {complaint} ({place})")


def _complaint(name: str, function: FunctionType, overridden: Any) -> str:
    if hasattr(function, "__wrapped__"):  # a decorator may make anything of it
        return ""
    if name == "read" and (inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function)):
        return "has to be an async generator: `async def` with `yield Batch(...)` in it"
    if inspect.iscoroutinefunction(overridden) and not inspect.iscoroutinefunction(function):
        return "has to be `async def`, without `yield`"
    parameters = inspect.signature(overridden).parameters
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError:
        return f"has to take ({', '.join(parameters)})"
    return ""
