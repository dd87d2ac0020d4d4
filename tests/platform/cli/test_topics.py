"""`penstock topic`, `produce` and `consume` on a running log."""

import json

import pytest

from .conftest import Run


@pytest.fixture
def on_log(kafka: str) -> tuple[str, str]:
    return "--bootstrap-servers", kafka


def test_a_topic_from_creation_to_deletion(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> None:
    created = penstock("topic", "create", fresh_topic, "--partitions", "2", *on_log)
    assert created.returncode == 0
    assert "created with 2 partitions" in created.stderr
    described = json.loads(penstock("topic", "describe", fresh_topic, "-o", "json", *on_log).stdout)
    assert [partition["end_offset"] for partition in described["partitions"]] == [0, 0]
    assert fresh_topic in penstock("topic", "list", *on_log).stdout
    assert penstock("topic", "delete", fresh_topic, "--yes", *on_log).returncode == 0
    assert fresh_topic not in penstock("topic", "list", *on_log).stdout


def test_lines_in_are_lines_out(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> None:
    penstock("topic", "create", fresh_topic, *on_log)
    lines = "".join(f"line {number} é\n" for number in range(1000))
    assert "1000 records" in penstock("produce", fresh_topic, *on_log, input=lines).stderr
    assert penstock("consume", fresh_topic, "--exit", *on_log).stdout == lines
    assert penstock("consume", fresh_topic, "-n", "3", *on_log).stdout == lines[: lines.index("line 3 ")]
    assert penstock("consume", fresh_topic, "--from", "end", "--exit", *on_log).stdout == ""


def test_keys_and_json(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> None:
    penstock("topic", "create", fresh_topic, *on_log)
    penstock("produce", fresh_topic, "--key-separator", ":", *on_log, input="k:v:w\nno key\n")
    output = penstock("consume", fresh_topic, "--exit", "-o", "json", *on_log).stdout
    records = [json.loads(line) for line in output.splitlines()]
    assert [(record["key"], record["value"]) for record in records] == [("k", "v:w"), (None, "no key")]


def test_a_missing_topic_is_named(penstock: Run, on_log: tuple[str, str]) -> None:
    commands = (
        ("consume", "no-such-topic"),
        ("topic", "describe", "no-such-topic"),
        ("topic", "delete", "no-such-topic", "--yes"),
    )
    for command in commands:
        result = penstock(*command, *on_log)
        assert result.returncode == 2
        assert "unknown-topic  no-such-topic" in result.stderr


def test_what_the_log_refuses_is_shown(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> None:
    penstock("topic", "create", fresh_topic, *on_log)
    again = penstock("topic", "create", fresh_topic, *on_log)
    assert again.returncode == 1
    assert "already exists" in again.stderr


def test_configs_are_set_listed_and_taken_back(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> None:
    penstock("topic", "create", fresh_topic, *on_log)
    configs = ("topic", "configs", fresh_topic)
    changed = penstock(*configs, "--set", "retention.ms=5000", "--set", "cleanup.policy=compact,delete", *on_log)
    assert [line.split()[:2] for line in changed.stdout.splitlines()[1:3]] == [
        ["cleanup.policy", "compact,delete"],
        ["retention.ms", "5000"],
    ]
    taken_back = json.loads(penstock(*configs, "--unset", "cleanup.policy", "-o", "json", *on_log).stdout)
    own = [config for config in taken_back if config["source"] == "topic"]
    assert own == [{"name": "retention.ms", "value": "5000", "source": "topic"}]
    everything = json.loads(penstock(*configs, "--all", "-o", "json", *on_log).stdout)
    assert {"name": "cleanup.policy", "value": "delete", "source": "default"} in everything
    assert "retention.ms=5000  (topic)" in penstock("topic", "describe", fresh_topic, *on_log).stdout


def test_a_config_that_cannot_be_is_refused_in_the_words_of_the_log(
    penstock: Run, on_log: tuple[str, str], fresh_topic: str
) -> None:
    penstock("topic", "create", fresh_topic, *on_log)
    refused = penstock("topic", "configs", fresh_topic, "--set", "retention.ms=soon", *on_log)
    assert (refused.returncode, "retention.ms" in refused.stderr) == (1, True)
    assert penstock("topic", "configs", fresh_topic, "--set", "retention.ms", *on_log).returncode == 2
    missing = penstock("topic", "configs", f"{fresh_topic}-missing", *on_log)
    assert (missing.returncode, "unknown-topic" in missing.stderr) == (2, True)


def test_partitions_are_added(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> None:
    penstock("topic", "create", fresh_topic, *on_log)
    assert penstock("topic", "add-partitions", fresh_topic, "3", *on_log).returncode == 0
    described = json.loads(penstock("topic", "describe", fresh_topic, "-o", "json", *on_log).stdout)
    assert len(described["partitions"]) == 3
    assert penstock("topic", "add-partitions", fresh_topic, "2", *on_log).returncode == 1


def test_the_last_records_of_a_topic(penstock: Run, on_log: tuple[str, str], fresh_topic: str) -> None:
    penstock("topic", "create", fresh_topic, *on_log)
    penstock("produce", fresh_topic, *on_log, input="".join(f"line {number}\n" for number in range(20)))
    tail = ("topic", "tail", fresh_topic, "--exit")
    assert penstock(*tail, "-n", "2", *on_log).stdout == "line 18\nline 19\n"
    assert len(penstock(*tail, "-n", "100", *on_log).stdout.splitlines()) == 20
    assert penstock(*tail, "-n", "0", *on_log).stdout == ""
