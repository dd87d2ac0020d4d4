"""kcat, the librdkafka of many a shell script: produce, consume by offset, time and group, and list."""

import json
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("kcat"), reason="kcat is not installed (Debian: apt-get install kcat)")


def kcat(bootstrap_servers: str, *arguments: str, input: str = "") -> str:
    command = ["kcat", "-b", bootstrap_servers, *arguments]
    return subprocess.run(command, input=input, capture_output=True, text=True, timeout=60, check=True).stdout


def test_lines_in_are_lines_out(kafka: str, fresh_topic: str) -> None:
    lines = "".join(f"{number} a line\n" for number in range(5000))
    kcat(kafka, "-P", "-t", fresh_topic, "-z", "lz4", input=lines)
    assert kcat(kafka, "-C", "-t", fresh_topic, "-o", "beginning", "-e", "-q") == lines
    assert kcat(kafka, "-C", "-t", fresh_topic, "-p", "0", "-o", "4998", "-e", "-q") == "4998 a line\n4999 a line\n"


def test_keys_headers_and_times(kafka: str, fresh_topic: str) -> None:
    kcat(kafka, "-P", "-t", fresh_topic, "-K", ":", "-H", "trace=1", input="key:value\n")
    record = json.loads(kcat(kafka, "-C", "-t", fresh_topic, "-o", "beginning", "-e", "-q", "-J"))
    assert (record["key"], record["payload"], record["headers"]) == ("key", "value", ["trace", "1"])
    after = record["ts"] + 1
    assert kcat(kafka, "-Q", "-t", f"{fresh_topic}:0:{after}").strip().endswith("offset -1")


def test_a_group_reads_each_record(kafka: str, fresh_topic: str) -> None:
    kcat(kafka, "-P", "-t", fresh_topic, input="one\ntwo\n")
    group = ["-G", f"group-{fresh_topic}", "-q", "-e", "-X", "auto.offset.reset=earliest", fresh_topic]
    assert kcat(kafka, *group) == "one\ntwo\n"
    assert kcat(kafka, *group) == ""


def test_metadata(kafka: str, fresh_topic: str) -> None:
    kcat(kafka, "-P", "-t", fresh_topic, input="x\n")
    described = json.loads(kcat(kafka, "-L", "-J", "-t", fresh_topic))
    (topic,) = described["topics"]
    assert topic["topic"] == fresh_topic
    assert [partition["partition"] for partition in topic["partitions"]] == [0]
