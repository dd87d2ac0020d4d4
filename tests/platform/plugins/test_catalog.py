"""The names by which a configuration may call a connector class."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from penstock import Problem
from penstock_platform.plugins.catalog import AmbiguousConnectorClass, Catalog, UnknownConnectorClass
from penstock_workers.plugins import PluginInfo


def plugin(class_name: str, import_path: str = "", aliases: Sequence[str] = ()) -> PluginInfo:
    return PluginInfo(class_name, "source", "1", import_path or class_name, {"properties": {}}, aliases=aliases)


def test_full_name_short_name_and_java_style_name() -> None:
    catalog = Catalog([plugin("penstock_file.FileSource"), plugin("penstock_file.FileSink")])
    for name in ("penstock_file.FileSource", "FileSource", "FileSourceConnector", "penstock_file.FileSourceConnector"):
        assert catalog.find(name).class_name == "penstock_file.FileSource"


def test_the_class_of_kafka_connect_that_it_takes_the_place_of() -> None:
    """As Kafka Connect names it: in full, by its last part, and without `Connector`."""
    java = "org.example.file.LinesSourceConnector"
    catalog = Catalog([plugin("a.Tail", aliases=(java,)), plugin("b.Tail")])
    for name in (java, "LinesSourceConnector", "LinesSource", "org.example.file.LinesSource"):
        assert catalog.find(name).class_name == "a.Tail"


def test_a_class_that_is_not_here_is_told_how_to_get_one() -> None:
    catalog = Catalog([plugin("penstock_file.FileSink", aliases=["org.apache.kafka.connect.file.FileSinkConnector"])])
    for name in ("io.debezium.connector.mysql.MySqlConnector", "io.confluent.connect.s3.S3SinkConnector"):
        with pytest.raises(UnknownConnectorClass) as caught:
            catalog.find(name)
        assert "penstock plugin new" in caught.value.problem.hint


def test_an_unknown_name_lists_what_is_installed_and_the_nearest() -> None:
    catalog = Catalog([plugin("penstock_file.FileSource"), plugin("penstock_file.FileSink")])
    with pytest.raises(UnknownConnectorClass) as caught:
        catalog.find("FileSourze")
    assert "available connectors are: penstock_file.FileSink, penstock_file.FileSource" in caught.value.problem.message
    assert caught.value.problem.hint == "did you mean penstock_file.FileSource?"


def test_an_unknown_name_tells_which_plugins_are_broken() -> None:
    broken = Problem("broken-plugin", "plugin s3: ModuleNotFoundError: No module named 'boto3'", "s3.py:1")
    with pytest.raises(UnknownConnectorClass) as caught:
        Catalog([], [broken]).find("S3Sink")
    assert "No module named 'boto3'" in caught.value.problem.hint


def test_a_short_name_of_two_classes_must_be_written_in_full() -> None:
    catalog = Catalog([plugin("a.FileSource"), plugin("b.FileSource")])
    with pytest.raises(AmbiguousConnectorClass, match=r"a\.FileSource, b\.FileSource"):
        catalog.find("FileSource")
    assert catalog.find("b.FileSource").class_name == "b.FileSource"


def test_of_two_classes_with_one_name_the_first_is_used_and_the_other_reported() -> None:
    catalog = Catalog([plugin("a.FileSource", "a.one:FileSource"), plugin("a.FileSource", "a.two:FileSource")])
    assert catalog.find("a.FileSource").import_path == "a.one:FileSource"
    assert [problem.code for problem in catalog.problems] == ["duplicate-connector-class"]
