"""What the command line makes of an error of REST."""

import pytest

from penstock_platform.cli.rest_client import with_cause


@pytest.mark.parametrize(
    ("message", "cause", "told"),
    [
        ("no offsets", "", "no offsets"),
        ("no offsets", "OSError: disk full", "no offsets: OSError: disk full"),
        ("cannot: OSError: disk full", "OSError: disk full", "cannot: OSError: disk full"),
        ("not confirmed", "CancelledError: ", "not confirmed"),
    ],
)
def test_the_cause_is_told_once(message: str, cause: str, told: str) -> None:
    assert with_cause(message, cause) == told
