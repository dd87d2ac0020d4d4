"""A worker of Kafka Connect as a process, for the scripts of this folder."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.worker import STOP_TIMEOUT_SECONDS, free_port, wait_until_healthy

MAIN_CLASS = "org.apache.kafka.connect.cli.ConnectDistributed"


def worker_file(directory: Path, bootstrap_servers: str, cluster: str) -> Path:
    """The file of a worker as Kafka Connect's users have it, of a cluster with internal topics of its own."""
    properties = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": cluster,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        "offset.flush.interval.ms": "1000",
    }
    for kind in ("config", "offset", "status"):
        properties |= {
            f"{kind}.storage.topic": f"{cluster}-{kind}",
            f"{kind}.storage.replication.factor": "1",
        }
    path = directory / "connect-distributed.properties"
    write_properties(path, properties)
    return path


def write_properties(path: Path, properties: Mapping[str, str]) -> None:
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


@contextmanager
def running_kafka_connect(libs: Path, file: Path) -> Iterator[str]:
    """The URL of its REST API, once it is healthy. `libs`: the folder of an Apache Kafka's jars."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="penstock-conformance-") as directory:
        own_file, log_path = Path(directory) / "worker.properties", Path(directory) / "log"
        own_file.write_text(file.read_text() + f"listeners=http://127.0.0.1:{port}\n")
        command = ["java", "-Xmx512m", "-cp", f"{libs}/*", MAIN_CLASS, str(own_file)]
        with log_path.open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_healthy(url, process, log_path)
            yield url
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_SECONDS)
