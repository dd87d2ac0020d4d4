"""The HTTP status of each error: what its class promises is what REST answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import penstock_platform.rest.application  # noqa: F401  # imports whatever REST can raise
from penstock import PenstockError
from penstock_platform.rest.errors import STATUSES


def test_each_class_of_errors_is_answered_as_it_says() -> None:
    promised = {kind.code: int(match[1]) for kind in kinds(PenstockError) if (match := promise(kind))}
    assert len(promised) > 15
    assert {code: STATUSES.get(code, 500) for code in promised} == promised


def promise(kind: type[PenstockError]) -> re.Match[str] | None:
    return re.search(r"REST answers (\d+)", " ".join((kind.__doc__ or "").split()))


def kinds(of: type[PenstockError]) -> Iterator[type[PenstockError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)
