"""Runs Apache Kafka's own Java tools, and a Kafka Streams word count, against a node of the log and Apache Kafka.

    python -m tests.conformance.java_tools --libs KAFKA/libs --apache-kafka 127.0.0.1:19092 [--penstock HOST:PORT]

--libs is the folder of jars of an Apache Kafka 4 (java and javac are on PATH). Without --penstock a node is started.
A tool works where it exits with 0 and says what is expected of it. Exit code 1 says that some tool works on Apache
Kafka and not on ours.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.conformance.node import running_node

TOOL_TIMEOUT_SECONDS = 90
TOOLS = "org.apache.kafka.tools"
PERFORMANCE = "--num-records 20000 --record-size 500 --throughput -1"


@dataclass(frozen=True, slots=True)
class Tool:
    """One run of a Java class. `{broker}`, `{node}` (its id) and `{name}` (of topics, groups, ...) are filled in."""

    label: str
    java_class: str
    arguments: tuple[str, ...]
    expected: str
    """A regular expression that its output must contain."""


def _tool(label: str, java_class: str, arguments: str, expected: str) -> Tool:
    return Tool(label, java_class, tuple(arguments.split()), expected)


SERVER = "--bootstrap-server {broker}"
CONFIGS = f"{SERVER} --entity-type topics --entity-name {{name}}"
GROUPS = f"{TOOLS}.consumer.group.ConsumerGroupCommand"

RUNS = (
    _tool("api versions", f"{TOOLS}.BrokerApiVersionsCommand", SERVER, r"Produce\(0\): 0 to"),
    _tool(
        "topics: create",
        f"{TOOLS}.TopicCommand",
        f"{SERVER} --create --topic {{name}} --partitions 3 --config retention.ms=100000000",
        "Created topic",
    ),
    _tool("topics: add partitions", f"{TOOLS}.TopicCommand", f"{SERVER} --alter --topic {{name}} --partitions 4", ""),
    _tool(
        "topics: create another",
        f"{TOOLS}.TopicCommand",
        f"{SERVER} --create --topic {{name}}-v --partitions 1",
        "Created topic",
    ),
    _tool("topics: describe", f"{TOOLS}.TopicCommand", f"{SERVER} --describe --topic {{name}}", "PartitionCount: 4"),
    _tool("topics: list", f"{TOOLS}.TopicCommand", f"{SERVER} --list", "{name}"),
    _tool(
        "configs: alter", "kafka.admin.ConfigCommand", f"{CONFIGS} --alter --add-config max.message.bytes=900000", ""
    ),
    _tool("configs: describe", "kafka.admin.ConfigCommand", f"{CONFIGS} --describe", "max.message.bytes=900000"),
    _tool("configs: all", "kafka.admin.ConfigCommand", f"{CONFIGS} --describe --all", "cleanup.policy=delete"),
    _tool(
        "configs: broker",
        "kafka.admin.ConfigCommand",
        f"{SERVER} --entity-type brokers --entity-name {{node}} --describe --all",
        "log.retention.ms",
    ),
    *(
        _tool(
            f"producer performance, {codec}",
            f"{TOOLS}.ProducerPerformance",
            f"--topic {{name}} {PERFORMANCE} --producer-props bootstrap.servers={{broker}} compression.type={codec}",
            "20000 records sent",
        )
        for codec in ("none", "gzip", "snappy", "lz4", "zstd")
    ),
    _tool(
        "consumer performance",
        f"{TOOLS}.ConsumerPerformance",
        f"{SERVER} --topic {{name}} --messages 100000",
        "100[0-9]{3}, ",
    ),
    _tool(
        "verifiable producer",
        f"{TOOLS}.VerifiableProducer",
        f"{SERVER} --topic {{name}}-v --max-messages 500",
        '"acked":500',
    ),
    _tool(
        "verifiable consumer",
        f"{TOOLS}.VerifiableConsumer",
        f"{SERVER} --topic {{name}}-v --group-id {{name}} --max-messages 500 --reset-policy earliest",
        "offsets_committed",
    ),
    _tool(
        "verifiable consumer, KIP-848",
        f"{TOOLS}.VerifiableConsumer",
        f"{SERVER} --topic {{name}}-v --group-id {{name}}-848 --max-messages 500 --reset-policy earliest"
        " --group-protocol consumer",
        "offsets_committed",
    ),
    _tool("groups: list", GROUPS, f"{SERVER} --list", "{name}"),
    _tool("groups: describe", GROUPS, f"{SERVER} --describe --group {{name}}", r"{name}-v +0 +500 +500 +0"),
    _tool(
        "groups: reset offsets",
        GROUPS,
        f"{SERVER} --reset-offsets --to-earliest --execute --group {{name}} --topic {{name}}-v",
        r"{name}-v +0 +0",
    ),
    _tool("groups: delete", GROUPS, f"{SERVER} --delete --group {{name}}", "successful"),
    _tool("offsets: latest", f"{TOOLS}.GetOffsetShell", f"{SERVER} --topic {{name}}-v", "{name}-v:0:500"),
    _tool(
        "offsets: earliest", f"{TOOLS}.GetOffsetShell", f"{SERVER} --topic {{name}}-v --time earliest", "{name}-v:0:0"
    ),
    _tool("offsets: by time", f"{TOOLS}.GetOffsetShell", f"{SERVER} --topic {{name}}-v --time 1000", "{name}-v:0:0"),
    _tool(
        "log directories",
        f"{TOOLS}.LogDirsCommand",
        f"{SERVER} --describe --topic-list {{name}}",
        '"partition":"{name}-0"',
    ),
    _tool(
        "transactional producer performance",
        f"{TOOLS}.ProducerPerformance",
        f"--topic {{name}} {PERFORMANCE} --transactional-id {{name}} --transaction-duration-ms 50"
        " --producer-props bootstrap.servers={broker}",
        "20000 records sent",
    ),
    _tool("transactions: list", f"{TOOLS}.TransactionsCommand", f"{SERVER} list", "{name}.*CompleteCommit"),
    _tool(
        "transactions: describe",
        f"{TOOLS}.TransactionsCommand",
        f"{SERVER} describe --transactional-id {{name}}",
        "CompleteCommit",
    ),
    _tool(
        "transactions: producers",
        f"{TOOLS}.TransactionsCommand",
        f"{SERVER} describe-producers --topic {{name}} --partition 0",
        "ProducerId",
    ),
    _tool("quorum: status", f"{TOOLS}.MetadataQuorumCommand", f"{SERVER} describe --status", "LeaderId: +{node}"),
    _tool("features", f"{TOOLS}.FeatureCommand", f"{SERVER} describe", "Epoch"),
    _tool(
        "leader election",
        f"{TOOLS}.LeaderElectionCommand",
        f"{SERVER} --election-type preferred --topic {{name}} --partition 0",
        "Valid replica already elected",
    ),
    _tool(
        "reassignments: list",
        f"{TOOLS}.reassign.ReassignPartitionsCommand",
        f"{SERVER} --list",
        "No partition reassignments",
    ),
    _tool("word count, at least once", "WordCount", "{broker} at_least_once", "be=1500"),
    _tool("word count, exactly once", "WordCount", "{broker} exactly_once_v2", "be=1500"),
    _tool("topics: delete", f"{TOOLS}.TopicCommand", f"{SERVER} --delete --topic {{name}}", ""),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libs", type=Path, required=True)
    parser.add_argument("--apache-kafka", metavar="HOST:PORT")
    parser.add_argument("--penstock", metavar="HOST:PORT")
    parser.add_argument("--only", default="", help="run the tools whose label contains this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as classes:
        source = Path(__file__).with_name("WordCount.java")
        subprocess.run(["javac", "-cp", f"{options.libs}/*", "-d", classes, str(source)], check=True)
        class_path = f"{options.libs}/*:{classes}"
        if options.penstock:
            return _compare(class_path, options.penstock, options.apache_kafka, options.only)
        with running_node() as node:
            return _compare(class_path, node.bootstrap_servers, options.apache_kafka, options.only)


def _compare(class_path: str, penstock: str, apache_kafka: str | None, only: str) -> int:
    worse = 0
    name = f"tools-{uuid4().hex[:8]}"
    print(f"{'tool':<36} {'penstock':>9} {'apache-kafka':>13}")
    for tool in RUNS:
        if only not in tool.label:
            continue
        ours = _failure(tool, class_path, penstock, name, node="0")
        theirs = _failure(tool, class_path, apache_kafka, name, node="1") if apache_kafka else "not run"
        verdict = "works" if theirs == "" else "not run" if not apache_kafka else "FAILS"
        print(f"{tool.label:<36} {'FAILS' if ours else 'works':>9} {verdict:>13}", flush=True)
        for failure in {ours, theirs} - {"", "not run"}:
            print("    " + failure.replace("\n", "\n    "))
        worse += bool(ours) and theirs == ""
    return 1 if worse else 0


def _failure(tool: Tool, class_path: str, broker: str, name: str, node: str) -> str:
    """Empty where the tool works; else the end of its output."""
    arguments = [argument.format(broker=broker, name=name, node=node) for argument in tool.arguments]
    command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", class_path, tool.java_class, *arguments]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as timeout:
        return f"did not end within {timeout.timeout:.0f} s"
    output = run.stdout + run.stderr
    expected = tool.expected.replace("{name}", name).replace("{node}", node)
    if run.returncode == 0 and re.search(expected, output):
        return ""
    return f"exit code {run.returncode}\n" + "\n".join(line[:200] for line in output.strip().splitlines()[-6:])


if __name__ == "__main__":
    sys.exit(main())
