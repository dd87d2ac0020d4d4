from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.testing import SourceContract

from penstock_$name import ${class_name}Source


class Test${class_name}Source(SourceContract):
    connector = ${class_name}Source
    readme = Path(__file__).parents[1] / "README.md"

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        (directory / "lines.txt").write_text("one\ntwo\nthree\n")
        return {"path": str(directory / "lines.txt"), "topic": "lines", "batch.bytes": 1}
