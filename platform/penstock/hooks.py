"""The hooks by which a plugin offers what it has. pluggy serves discovery only.

A plugin is a module named by an entry point in the group `penstock`::

    [project.entry-points.penstock]
    lines = "penstock_lines"
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from penstock.config_provider import ConfigProviderClass
from penstock.connector import ConnectorClass
from penstock.converter import ConverterClass

PROJECT_NAME = "penstock"
ENTRY_POINT_GROUP = "penstock"

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def penstock_connectors() -> Sequence[ConnectorClass]:  # type: ignore[empty-body]
    """The connector classes of this plugin. Called once, in a process made for discovery, which only reads
    their schemas; the classes are imported again in the process of each task."""


@hookspec
def penstock_converters() -> Sequence[ConverterClass]:  # type: ignore[empty-body]
    """The converter classes of this plugin; likewise."""


@hookspec
def penstock_config_providers() -> Sequence[ConfigProviderClass]:  # type: ignore[empty-body]
    """The classes of this plugin that know where secrets are; likewise."""
