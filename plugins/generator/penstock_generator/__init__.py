"""A source of realistic records at a set rate, and a writer of log files that rotate (`penstock_generator.logs`)."""

from collections.abc import Sequence

from penstock import hookimpl
from penstock_generator.source import GeneratorSource

__all__ = ["GeneratorSource"]


@hookimpl
def penstock_connectors() -> Sequence[type[GeneratorSource]]:
    return [GeneratorSource]
