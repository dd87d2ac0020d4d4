"""What connect_clients.py asks of the Python clients that are libraries: CLIENT URL DIRECTORY.

Each operation is a line, `ok` or `FAILED`; the exit code is 1 where one failed. It runs in an environment that has the
clients and nothing of ours.
"""

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 30.0
SOURCE = "penstock_file.FileSource"
SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
failed: list[str] = []


def main() -> int:
    client, url, directory = sys.argv[1:]
    {"kafka-connect-api": api, "monitors": monitors, "kpops": kpops}[client](url, Path(directory))
    return 1 if failed else 0


def check(operation: str, call: Callable[[], Any]) -> None:
    """`call` is to answer something true, or nothing at all, and to raise nothing."""
    try:
        answer = call()
        if answer is not None and not answer:
            raise AssertionError(f"answers {answer!r}")
        print(f"ok      {operation}", flush=True)
    except Exception as error:
        failed.append(operation)
        print(f"FAILED  {operation}: {type(error).__name__}: {error}", flush=True)


def until(is_true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def put(url: str, name: str, config: dict[str, str]) -> None:
    body = json.dumps(config).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/connectors/{name}/config", body, headers, method="PUT")
    urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()


def states(url: str, name: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/connectors/{name}/status", timeout=PATIENCE_SECONDS) as answer:
        status = json.load(answer)
    return [each["state"] for each in (status["connector"], *status["tasks"])]


def source(directory: Path, name: str) -> dict[str, str]:
    lines = directory / f"{name}.txt"
    lines.write_text("one\ntwo\n")
    return {"connector.class": SOURCE, "paths": str(lines), "topic": f"{name}-topic", "tasks.max": "1"}


def api(url: str, directory: Path) -> None:
    from kafka_connect_api.kafka_connect_api import (  # type: ignore[import-not-found,unused-ignore]
        Api,
        Cluster,
    )

    cluster = Cluster(Api(url=url))
    put(url, "by-api", source(directory, "by-api"))
    check("root", lambda: cluster.version and cluster.kafka_cluster)
    check("list", lambda: "by-api" in cluster.connectors)
    connector = cluster.connectors["by-api"]
    check("exists", connector.exists)
    check("get", lambda: connector.connector_class == SOURCE)
    check("state", lambda: until(lambda: connector.state == "RUNNING"))
    check("tasks", lambda: until(lambda: [task.is_running() for task in connector.tasks] == [True]))
    check("update", lambda: setattr(connector, "config", connector.config))
    check("restart", connector.restart)
    check("restart tasks", connector.restart_all_tasks)
    check("cycle", connector.cycle_connector)
    check("loggers", lambda: cluster.root_logger["level"])
    check("set a logger", lambda: cluster.set_logger_log_level("root", "WARN"))
    check("delete", connector.delete)


def monitors(url: str, directory: Path) -> None:
    """A task that fails is seen by one monitor, and brought back by another once its cause is gone."""
    from kafka_connect_healthcheck.health import Health  # type: ignore[import-not-found,unused-ignore]
    from kafka_connect_watcher.cluster import ConnectCluster  # type: ignore[import-not-found,unused-ignore]
    from kafka_connect_watcher.config import Config  # type: ignore[import-not-found,unused-ignore]

    health = Health(url, None, ["FAILED"], None, 0, ["connector", "task"])
    rule = {"include_regex": ["watched"], "auto_correct_actions": [{"action": "cycle"}]}
    watched = {"name": "penstock", "hostname": "127.0.0.1", "url": url, "evaluation_rules": [rule]}
    config = Config(configuration={"clusters": [watched]})
    cluster = ConnectCluster(watched, config)
    place = directory / "not-there-yet"

    check("healthcheck: healthy", lambda: health.get_health_result()["healthy"])
    put(url, "watched", {"connector.class": SINK, "topics": "kept-topic", "file": str(place / "watched.out")})
    until(lambda: "FAILED" in states(url, "watched"))
    check("healthcheck: unhealthy", lambda: not health.get_health_result()["healthy"])
    place.mkdir()
    check("watcher: scan", lambda: cluster.handling_rules[0].execute(cluster))
    check("watcher: has brought it back", lambda: until(lambda: states(url, "watched") == ["RUNNING", "RUNNING"]))
    check("healthcheck: healthy again", lambda: health.get_health_result()["healthy"])


def kpops(url: str, directory: Path) -> None:
    from kpops.component_handlers.kafka_connect.kafka_connect_api import (  # type: ignore[import-not-found,unused-ignore]
        KafkaConnect,
    )
    from kpops.component_handlers.kafka_connect.kafka_connect_handler import (  # type: ignore[import-not-found,unused-ignore]
        KafkaConnectHandler,
    )
    from kpops.component_handlers.kafka_connect.model import (  # type: ignore[import-not-found,unused-ignore]
        ConnectorNewState,
        KafkaConnectorConfig,
    )
    from kpops.config import KafkaConnectConfig  # type: ignore[import-not-found,unused-ignore]

    name = "by-kpops"
    config = KafkaConnectorConfig(name=name, **source(directory, name))
    paused, running = ConnectorNewState.PAUSED, ConnectorNewState.RUNNING

    async def all_of_it() -> None:
        client = KafkaConnect(KafkaConnectConfig(url=url))
        handler = KafkaConnectHandler(client)

        async def step(operation: str, call: Callable[[], Any]) -> None:
            error: Exception | None = None
            try:
                await call()
            except Exception as raised:
                error = raised
            check(operation, lambda: _raise(error))

        def deploy(state: Any, dry_run: bool = False) -> Callable[[], Any]:
            return lambda: handler.create_connector(config, state=state, dry_run=dry_run)

        await step("deploy, dry run", deploy(None, dry_run=True))
        await step("deploy, paused", deploy(paused))
        check("is paused", lambda: until(lambda: states(url, name) == ["PAUSED", "PAUSED"]))
        await step("status", lambda: client.get_connector_status(name))
        await step("deploy again, running", deploy(running))
        check("is running", lambda: until(lambda: states(url, name) == ["RUNNING", "RUNNING"]))
        await step("deploy again, dry run", deploy(running, dry_run=True))
        await step("reset", lambda: handler.reset_connector(config, dry_run=False))
        await step("destroy", lambda: handler.destroy_connector(name, dry_run=False))
        await step("reset of one that is gone", lambda: handler.reset_connector(config, dry_run=False))

    asyncio.run(all_of_it())


def _raise(error: Exception | None) -> None:
    if error is not None:
        raise error


if __name__ == "__main__":
    raise SystemExit(main())
