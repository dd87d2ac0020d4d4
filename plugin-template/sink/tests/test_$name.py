from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock.testing import SinkContract

from penstock_$name import ${class_name}Sink


class Test${class_name}Sink(SinkContract):
    connector = ${class_name}Sink
    readme = Path(__file__).parents[1] / "README.md"
    poison = b"two\nlines"

    def make_world(self, directory: Path) -> Mapping[str, Any]:
        return {"path": str(directory / "lines.txt"), "topics": [self.topic]}

    def stored(self, directory: Path) -> Sequence[Any]:
        return (directory / "lines.txt").read_bytes().splitlines()
