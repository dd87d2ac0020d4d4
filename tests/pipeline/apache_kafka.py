"""An Apache Kafka for one test, of one node, where no shared one can be: on a network of its own. Needs Java."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from socket import create_connection

from tests.ports import free_port

from .waiting import DEADLINE_SECONDS, wait_until

CLUSTER_ID = "cGVuc3RvY2stdGVzdC1jbA"


class ApacheKafka:
    def __init__(self, libs: Path, folder: Path, host: str, within: Sequence[str]) -> None:
        """`libs`: the folder of its jars. `within`: what has to come before its command."""
        self._folder = folder
        self._host, self._port = host, free_port()
        self._java = [*within, "java", "-Xmx512m", "-cp", f"{libs}/*"]
        self.bootstrap_servers = f"{host}:{self._port}"
        folder.mkdir()
        self._properties = folder / "server.properties"
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in self._settings().items()))

    def start(self) -> None:
        """Return when it listens."""
        with (self._folder / "kafka.log").open("ab") as log:
            form = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._properties)]
            subprocess.run([*self._java, *form], check=True, stdout=log, stderr=log)
            command = [*self._java, "kafka.Kafka", str(self._properties)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(self._listens, f"Apache Kafka to listen; see {self._folder}/kafka.log")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_SECONDS)

    def _listens(self) -> bool:
        try:
            create_connection((self._host, self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def _settings(self) -> dict[str, str]:
        listener, controller = f"PLAINTEXT://{self.bootstrap_servers}", f"CONTROLLER://127.0.0.1:{free_port()}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller.removeprefix('CONTROLLER://')}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{listener},{controller}",
            "advertised.listeners": listener,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._folder / "data"),
            "group.initial.rebalance.delay.ms": "0",
            "offsets.topic.num.partitions": "5",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "5",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
        }
