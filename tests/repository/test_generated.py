"""The pages of docs/reference are what the code says today. (For the schemas: tests/schemas.)"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_the_reference_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("page", "promise"),
    [
        ("worker.md", "`task.call.timeout.seconds`"),
        ("connectors.md", "`penstock_file.FileSource`"),
        ("topic-configs.md", "`flush.messages`"),
        ("broker-configs.md", "`auto.create.topics.enable`"),
        ("rest.md", "### PUT /connector-plugins/{plugin}/config/validate"),
        ("command-line.md", "## `penstock connector create`"),
        ("api-versions.md", "| Produce |"),
        ("error-codes.md", "`unknown-option`"),
    ],
)
def test_a_page_holds_what_its_name_says(page: str, promise: str) -> None:
    """A writer that finds nothing would agree with an empty page."""
    assert promise in (REFERENCE / page).read_text(encoding="utf-8")
