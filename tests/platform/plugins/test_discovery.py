"""Plugins of every kind, installed as pip leaves them (a module and its metadata), found by a real probe process."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from penstock import BadConfiguration, Problem
from penstock_platform.plugins.catalog import Catalog
from penstock_platform.plugins.discovery import discover
from penstock_workers.config_providers import providers_of

GOOD = """
    from penstock import Source, SourceConfig, hookimpl, option

    class GoodConfig(SourceConfig):
        topic: str = option("Topic.")

    class GoodSource(Source[GoodConfig]):
        async def read(self, positions):
            yield

    @hookimpl
    def penstock_connectors():
        return [GoodSource]
"""


class Environment:
    """A folder on the import path into which plugins are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, code: str, version: str = "1.2.3") -> None:
        (self.folder / f"{name}.py").write_text(dedent(code), encoding="utf-8")
        metadata = self.folder / f"{name}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[penstock]\n{name} = {name}\n")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Environment(tmp_path)


def names(catalog: Catalog) -> list[str]:
    return [plugin.class_name for plugin in catalog.plugins]


def problem_of(catalog: Catalog, plugin: str) -> Problem:
    prefixes = (f"plugin {plugin} ", f"plugin {plugin}:")
    (problem,) = (each for each in catalog.problems if each.message.startswith(prefixes))
    return problem


async def test_a_plugin_is_described_without_being_imported_here(environment: Environment) -> None:
    environment.install("lines", GOOD)
    plugin = (await discover()).find("lines.GoodSource")
    assert (plugin.type, plugin.version, plugin.import_path) == ("source", "1.2.3", "lines:GoodSource")
    assert plugin.schema["required"] == ["topic"]


async def test_a_class_may_name_its_own_version(environment: Environment) -> None:
    environment.install("lines", GOOD.replace("async def read", "version = '9.9'\n\n        async def read"))
    assert (await discover()).find("lines.GoodSource").version == "9.9"


async def test_a_missing_dependency_names_module_file_and_line(environment: Environment) -> None:
    environment.install("needy", "\nimport module_that_nobody_has\n")
    environment.install("lines", GOOD)
    catalog = await discover()
    problem = problem_of(catalog, "needy")
    assert problem.code == "broken-plugin"
    assert problem.message == "plugin needy: ModuleNotFoundError: No module named 'module_that_nobody_has'"
    assert problem.where == f"{environment.folder / 'needy.py'}:2"
    assert "module_that_nobody_has" in problem.hint
    assert "lines.GoodSource" in names(catalog)


async def test_a_syntax_error_is_placed(environment: Environment) -> None:
    environment.install("typo", "\n\ndef f(:\n")
    assert problem_of(await discover(), "typo").where == f"{environment.folder / 'typo.py'}:3"


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import os; os._exit(0)", "ended its process with exit code 0"),
        ("import os; os._exit(7)", "ended its process with exit code 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed its process: SIGKILL"),
        ("import sys; sys.exit('no licence')", "SystemExit: no licence"),
    ],
)
async def test_a_plugin_that_ends_the_process_hides_no_other(
    environment: Environment, code: str, complaint: str
) -> None:
    environment.install("aaa_lethal", code)
    environment.install("lines", GOOD)
    catalog = await discover()
    assert complaint in problem_of(catalog, "aaa_lethal").message
    assert "lines.GoodSource" in names(catalog)


async def test_a_plugin_that_hangs_hides_no_other(environment: Environment) -> None:
    environment.install("aaa_hung", "import threading; threading.Event().wait()")
    environment.install("lines", GOOD)
    catalog = await discover(load_timeout_seconds=20.0)  # as much as a slow machine may need for the others
    assert "did not finish loading within 20 s" in problem_of(catalog, "aaa_hung").message
    assert "lines.GoodSource" in names(catalog)


async def test_what_a_plugin_prints_and_the_threads_it_leaves_disturb_nothing(environment: Environment) -> None:
    noise = """
        import os, threading
        print("hello")
        os.write(1, b'{"loading": "nonsense"}')
        threading.Thread(target=threading.Event().wait).start()
    """
    environment.install("noisy", dedent(noise) + dedent(GOOD))
    catalog = await discover()
    assert "noisy.GoodSource" in names(catalog)
    assert not [problem for problem in catalog.problems if "noisy" in problem.message]


async def test_a_hook_without_its_mark_and_a_misspelt_hook_are_reported(environment: Environment) -> None:
    environment.install("unmarked", GOOD.replace("@hookimpl", ""))
    environment.install("misspelt", GOOD.replace("def penstock_connectors", "def penstock_connector"))
    catalog = await discover()
    assert problem_of(catalog, "unmarked").code == "empty-plugin"
    assert "penstock_connector" in problem_of(catalog, "misspelt").message


async def test_an_unusable_class_is_reported_and_its_neighbour_kept(environment: Environment) -> None:
    mixed = dedent(GOOD) + dedent("""
        class UntypedConfig(SourceConfig):
            when: complex = option("A type that JSON has not.")

        class UntypedSource(Source[UntypedConfig]):
            async def read(self, positions):
                yield

        @hookimpl
        def penstock_connectors():
            return [GoodSource, UntypedSource, dict]
    """)
    environment.install("mixed", mixed)
    catalog = await discover()
    assert "mixed.GoodSource" in names(catalog)
    messages = sorted(problem.message for problem in catalog.problems if "mixed" in problem.message)
    assert len(messages) == 2
    assert "UntypedConfig.when" in messages[1]
    assert "neither a Source nor a Sink" in messages[0]


async def test_the_current_folder_is_not_imported_from(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path_factory.mktemp("trap")
    (trap / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(trap)
    environment.install("lines", GOOD)
    assert "lines.GoodSource" in names(await discover())


CONVERTER = """
    from penstock import Column, Converter, ConverterConfig, hookimpl, option

    class HexConfig(ConverterConfig):
        upper: bool = option("Write upper case.", default=False)

    class HexConverter(Converter[HexConfig]):
        aliases = ("org.example.HexConverter",)
        parts = ("key", "value")

        def to_bytes(self, column, topic):
            digits = [each and each.encode().hex() for each in column.values]
            return [each and (each.upper() if self.config.upper else each).encode() for each in digits]

        def from_bytes(self, data, topic):
            return Column([each and bytes.fromhex(each.decode()).decode() for each in data])

    @hookimpl
    def penstock_converters():
        return [HexConverter, dict]
"""


async def test_a_plugin_may_bring_converters(environment: Environment) -> None:
    environment.install("hexes", CONVERTER)
    catalog = await discover()
    found = catalog.converters.find("org.example.HexConverter", "value")
    assert (found.class_name, found.version, found.import_path) == ("hexes.HexConverter", "1.2.3", "hexes:HexConverter")
    assert found.schema["properties"]["upper"]["default"] is False
    assert "hexes.HexConverter" not in [each.class_name for each in catalog.converters.usable("header")]
    assert "is no Converter" in problem_of(catalog, "hexes").message
    assert catalog.converters.find("json", "value")


CONFIG_PROVIDER = """
    from penstock import ConfigProvider, ConfigProviderConfig, hookimpl, option

    class VaultConfig(ConfigProviderConfig):
        url: str = option("Where the vault is.")

    class VaultConfigProvider(ConfigProvider[VaultConfig]):
        def value(self, path, key):
            return "s3cret"

    @hookimpl
    def penstock_config_providers():
        return [VaultConfigProvider, dict]
"""


async def test_a_plugin_may_bring_config_providers(environment: Environment) -> None:
    environment.install("vaults", CONFIG_PROVIDER)
    catalog = await discover()
    named = {"config.providers": "v", "config.providers.v.class": "vaults.VaultConfigProvider"}
    catalog.configure({}, providers_of(named | {"config.providers.v.param.url": "http://vault"}))
    assert catalog.config_providers["v"].import_path == "vaults:VaultConfigProvider"
    assert "is no ConfigProvider" in problem_of(catalog, "vaults").message
    with pytest.raises(BadConfiguration, match=r"param\.url: is required"):
        catalog.configure({}, providers_of(named))
