"""Configuration files, as Java's programs write them too."""

from pathlib import Path

import pytest

from penstock import BadConfiguration
from penstock_platform.cli.config_file import as_strings, pairs, read_config, read_connector
from penstock_workers.properties import properties

PROPERTIES = r"""
# a comment that does not go on \
! another
bootstrap.servers=a:1,b:2
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
    username="alice" \
    password="back\\slash=";
 spaced : value with blanks
with\ blank=unic\u00f6de
no-value
windows=C\:\\ca.pem
"""


def test_properties_as_java_reads_them() -> None:
    assert properties(PROPERTIES) == {
        "bootstrap.servers": "a:1,b:2",
        "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="alice" password="back\\slash=";',
        "spaced": "value with blanks",
        "with blank": "unicöde",
        "no-value": "",
        "windows": "C:\\ca.pem",
    }


def test_the_same_in_every_format(tmp_path: Path) -> None:
    texts = {
        "node.toml": 'listeners = ["SSL://:1"]\n[log]\npreallocate = true\nretention.ms = 5\n',
        "node.json": '{"listeners": ["SSL://:1"], "log": {"preallocate": true, "retention.ms": 5}}',
        "node.properties": "listeners=SSL://:1\nlog.preallocate=true\nlog.retention.ms=5\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        found = as_strings(read_config(tmp_path / name))
        assert found == {"listeners": "SSL://:1", "log.preallocate": "true", "log.retention.ms": "5"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.json", '{"name": "a", "config": {"connector.class": "FileSink", "topics": "t"}}'),
        ("a", '{"name": "a", "connector.class": "FileSink", "topics": "t"}'),
        ("a.conf", "name=a\nconnector.class=FileSink\ntopics=t\n"),
        ("a.toml", 'name = "a"\n[config]\ntopics = "t"\nconnector.class = "FileSink"\n'),
        ("a.toml", 'name = "a"\ntopics = "t"\n[connector]\nclass = "FileSink"\n'),
    ],
)
def test_a_connector_in_every_shape(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)
    assert read_connector(tmp_path / file) == {"name": "a", "connector.class": "FileSink", "topics": "t"}


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("a.json", "[]", "is not a JSON object"),
        ("a.yaml", "name: a", "is YAML"),
        ("a.json", '{"config": {}, "initial_offsets": []}', "initial_offsets: stands beside `config`"),
        ("a.conf", "\udcff", "is not UTF-8"),
    ],
)
def test_what_is_no_connector(tmp_path: Path, file: str, text: str, what: str) -> None:
    (tmp_path / file).write_text(text, errors="surrogateescape")
    with pytest.raises(BadConfiguration, match=what):
        read_connector(tmp_path / file)


def test_secrets_are_refused_on_the_command_line() -> None:
    assert pairs(["a=b=c"], secrets={"key.password"}) == {"a": "b=c"}
    for setting in ("key.password=hush", "a"):
        with pytest.raises(BadConfiguration) as error:
            pairs([setting], secrets={"key.password"})
        assert "hush" not in str(error.value)
