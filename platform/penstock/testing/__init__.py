"""Contract tests: what the platform relies on, checked for any connector by subclassing one class.

A source::

    from penstock.testing import SourceContract

    class TestLinesSource(SourceContract):
        connector = LinesSource

        def make_world(self, directory):
            (directory / "lines.txt").write_text("one\\ntwo\\nthree\\n")
            return {"path": str(directory / "lines.txt"), "topic": "lines"}

A sink::

    from penstock.testing import SinkContract

    class TestLinesSink(SinkContract):
        connector = LinesSink

        def make_world(self, directory):
            return {"path": str(directory / "out.txt"), "topics": [self.topic]}

        def stored(self, directory):
            return (directory / "out.txt").read_bytes().splitlines()

A converter::

    from penstock.testing import ConverterContract

    class TestHexConverter(ConverterContract):
        converter = HexConverter
        values = [b"one", b"two"]
        unreadable = b"xyz"

A config provider::

    from penstock.testing import ConfigProviderContract

    class TestVaultConfigProvider(ConfigProviderContract):
        provider = VaultConfigProvider
        values = [("db", "password", "s3cret")]
        missing = ("db", "nothing")

        def make_world(self, directory):
            (directory / "db.json").write_text('{"password": "s3cret"}')
            return {"directory": str(directory)}

They need pytest and nothing else: no log, no worker, no plugin of pytest. Each test of a contract says in its
docstring what it demands and why.
"""

from penstock.testing.config_provider import ConfigProviderContract
from penstock.testing.converter import ConverterContract
from penstock.testing.documentation import options_table
from penstock.testing.sink import SinkContract
from penstock.testing.source import SourceContract

__all__ = ["ConfigProviderContract", "ConverterContract", "SinkContract", "SourceContract", "options_table"]
