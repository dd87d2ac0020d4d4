"""Produce and fetch of the log with confluent-kafka, beside an Apache Kafka with the same client and settings.

    python -m benchmarks.broker --kafka 127.0.0.1:19092

Throughput, latency, processor time and memory, for records of 100 B, 1 KB and 10 KB, 1 and 8 clients (processes, each
with a partition of its own), lz4 and no compression, with an fsync before each acknowledgement (Penstock's default) and
without (Apache Kafka's; the topic configuration `flush.messages` makes it the one or the other on both). acks=all,
idempotent. For throughput linger is 5 ms and a batch takes up to 1 MB; for latency one record is sent every 5 ms by all
clients in turn. The Apache Kafka is one that you have started on this machine, preferably with nothing else in it.
About ten minutes on a quiet machine of two cores.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from benchmarks.broker.brokers import find_broker, started_penstock
from benchmarks.broker.clients import Clients
from benchmarks.broker.measuring import Measurement, cases, measure, warm_up
from benchmarks.broker.report import as_json, as_tables

_QUICK_SCALE = 0.2


def main() -> None:
    arguments = _parse_arguments()
    measurements = run(arguments.kafka, arguments.sizes, _QUICK_SCALE if arguments.quick else 1.0)
    print(as_json(measurements) if arguments.output == "json" else as_tables(measurements))


def run(kafka: str | None, sizes: list[int], scale: float) -> list[Measurement]:
    """Case by case, one broker right after the other, so that a busy minute of the machine hits both."""
    measurements = []
    with ExitStack() as stack:
        brokers = [stack.enter_context(started_penstock())]
        if kafka:
            brokers.append(find_broker(kafka))
        clients = stack.enter_context(Clients())
        for broker in brokers:
            warm_up(broker, clients, scale)
        for case in cases(sizes):
            for broker in brokers:
                print(f"{broker.name}: {case}", file=sys.stderr, flush=True)
                measurements.append(measure(broker, clients, case, scale))
    return measurements


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.broker", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kafka", metavar="HOST:PORT", help="an Apache Kafka on this machine")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000], choices=(100, 1_000, 10_000))
    parser.add_argument("--quick", action="store_true", help="a fifth of the records, for a look")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
