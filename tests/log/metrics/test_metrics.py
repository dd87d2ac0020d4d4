"""What Prometheus reads from a node after real clients have used it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import kafka as untyped_kafka_python
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import LogNode

kafka_python: Any = untyped_kafka_python
TIMEOUT_SECONDS = 60

Samples = dict[str, float]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogNode]:
    node = LogNode(tmp_path_factory.mktemp("metrics") / "data", "--metrics-port", "0", "--set", "num.partitions=3")
    node.start()
    yield node
    assert node.stop() == 0, node.log_lines()


def scrape(node: LogNode) -> Samples:
    """Samples by name, with their labels' values in brackets."""
    with urlopen(node.addresses["metrics"], timeout=TIMEOUT_SECONDS) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        sample.name + (f"[{','.join(value for _, value in sorted(sample.labels.items()))}]" if sample.labels else ""): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


def produce(node: LogNode, topic: str, count: int) -> None:
    producer = kafka_python.KafkaProducer(bootstrap_servers=node.bootstrap_servers)
    futures = [producer.send(topic, b"x" * 100, partition=0) for _ in range(count)]
    for future in futures:
        future.get(TIMEOUT_SECONDS)
    producer.close()


def consume(node: LogNode, topic: str, count: int) -> None:
    consumer = kafka_python.KafkaConsumer(bootstrap_servers=node.bootstrap_servers, auto_offset_reset="earliest")
    consumer.assign([kafka_python.TopicPartition(topic, 0)])
    for _, _ in zip(range(count), consumer, strict=False):
        pass
    consumer.close()


def test_traffic_is_counted_for_each_topic_and_for_all(node: LogNode, fresh_topic: str) -> None:
    prefix = "kafka_server_brokertopicmetrics"
    before = scrape(node)
    produce(node, fresh_topic, 50)
    consume(node, fresh_topic, 50)
    after = scrape(node)
    assert after[f"{prefix}_messagesin_total[{fresh_topic}]"] == 50
    assert after[f"{prefix}_messagesin_total"] - before[f"{prefix}_messagesin_total"] == 50
    assert after[f"{prefix}_bytesin_total[{fresh_topic}]"] > 50 * 100
    assert after[f"{prefix}_bytesout_total[{fresh_topic}]"] >= after[f"{prefix}_bytesin_total[{fresh_topic}]"]
    assert after[f"{prefix}_failedproducerequests_total[{fresh_topic}]"] == 0
    assert after["kafka_network_requestmetrics_requests_total[Produce]"] > 0
    assert after["kafka_network_requestmetrics_totaltimems[0.99,Produce]"] > 0
    assert after["kafka_network_requestmetrics_totaltimems_count[FetchConsumer]"] > 0
    assert after["kafka_log_logflushstats_logflushrateandtimems_count"] > 0
    assert after["penstock_log_scrub_checked_bytes_total"] == after["penstock_log_scrub_damaged_batches_total"] == 0


def test_a_deleted_topic_goes_and_the_total_stays(node: LogNode, fresh_topic: str) -> None:
    produce(node, fresh_topic, 10)
    total = scrape(node)["kafka_server_brokertopicmetrics_messagesin_total"]
    admin = kafka_python.KafkaAdminClient(bootstrap_servers=node.bootstrap_servers)
    admin.delete_topics([fresh_topic])
    admin.close()
    after = scrape(node)
    assert not [name for name in after if fresh_topic in name]
    assert after["kafka_server_brokertopicmetrics_messagesin_total"] == total


def test_refused_produces_are_counted(node: LogNode, fresh_topic: str) -> None:
    produce(node, fresh_topic, 1)
    producer = kafka_python.KafkaProducer(
        bootstrap_servers=node.bootstrap_servers, max_request_size=3_000_000, retries=0
    )
    with pytest.raises(kafka_python.errors.MessageSizeTooLargeError):
        producer.send(fresh_topic, b"x" * 2_000_000).get(TIMEOUT_SECONDS)
    producer.close()
    assert scrape(node)[f"kafka_server_brokertopicmetrics_failedproducerequests_total[{fresh_topic}]"] == 1


def test_partitions_offsets_and_connections(node: LogNode, fresh_topic: str) -> None:
    produce(node, fresh_topic, 7)
    consumer = kafka_python.KafkaConsumer(bootstrap_servers=node.bootstrap_servers)
    assert fresh_topic in consumer.topics()
    samples = scrape(node)
    consumer.close()
    assert samples[f"kafka_log_log_logendoffset[0,{fresh_topic}]"] == 7
    assert samples[f"kafka_log_log_logstartoffset[0,{fresh_topic}]"] == 0
    assert samples[f"kafka_log_log_size[0,{fresh_topic}]"] > 0
    assert samples[f"kafka_log_log_size[2,{fresh_topic}]"] == 0
    assert samples["kafka_server_replicamanager_partitioncount"] >= 3
    assert samples["kafka_server_replicamanager_leadercount"] == samples["kafka_server_replicamanager_partitioncount"]
    assert samples["kafka_server_replicamanager_underreplicatedpartitions"] == 0
    assert samples["kafka_controller_kafkacontroller_activecontrollercount"] == 1
    assert samples["kafka_server_socketservermetrics_connection_count"] >= 1
    assert samples["process_resident_memory_bytes"] > 1_000_000


def test_a_port_in_use_is_named_with_the_option_that_changes_it(node: LogNode, tmp_path: Path) -> None:
    port = str(urlsplit(node.addresses["metrics"]).port)
    second = LogNode(tmp_path / "data", "--metrics-port", port)
    with pytest.raises(pytest.fail.Exception, match=f"cannot serve metrics on 127.0.0.1:{port}.*--metrics-port"):
        second.start()
