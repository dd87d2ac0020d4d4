"""Runs the suites of independent clients against a node of the log and against Apache Kafka, side by side.

    python -m tests.conformance.suites --kafka-python PATH --aiokafka PATH --confluent PATH --quixstreams PATH \\
        --apache-kafka 127.0.0.1:19092 [--penstock 127.0.0.1:9092]

Each PATH is a checkout at the tag of a release; its tests are run from a copy, against that release as the package
registry ships it, in a virtual environment of its own below --cache. Nothing of the checkouts is changed. Without
--penstock a node is started. The suites expect some settings of the broker (SETTINGS below): start Apache Kafka with
them too, and with `group.initial.rebalance.delay.ms=0` unless there is much time.

Exit code 1 says that some test passes on Apache Kafka and fails on ours.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.client_suites import SUITES, Suite
from tests.conformance.node import running_node
from tests.conformance.suite_run import Results, run_suite, suite_environment

# aiokafka's wants two partitions by default, kafka-python's short sessions.
SETTINGS = ("num.partitions=2", "group.min.session.timeout.ms=1000")
PENSTOCK, APACHE_KAFKA = "penstock", "apache-kafka"


def main() -> int:
    options = _parse_arguments()
    chosen = [(suite, Path(path)) for suite in SUITES if (path := getattr(options, suite.name.replace("-", "_")))]
    if not chosen:
        raise SystemExit("name at least one checkout, for instance --kafka-python PATH")
    worse = 0
    with _penstock(options.penstock) as penstock:
        brokers = {PENSTOCK: penstock}
        if options.apache_kafka:
            brokers[APACHE_KAFKA] = options.apache_kafka
        for suite, checkout in chosen:
            results = _run_on_all(suite, checkout.resolve(), brokers, options.cache)
            worse += _print_table(suite, results)
    return 1 if worse else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in dict.fromkeys(suite.name for suite in SUITES):
        parser.add_argument(f"--{name}", metavar="PATH", help="a checkout of that client's repository")
    parser.add_argument("--apache-kafka", metavar="HOST:PORT", help="without it, the suites run on ours only")
    parser.add_argument("--penstock", metavar="HOST:PORT", help="without it, a node is started")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "penstock-conformance")
    return parser.parse_args()


@contextmanager
def _penstock(given: str | None) -> Iterator[str]:
    if given:
        yield given
        return
    with running_node(*(argument for setting in SETTINGS for argument in ("--set", setting))) as node:
        yield node.bootstrap_servers


def _run_on_all(suite: Suite, checkout: Path, brokers: dict[str, str], cache: Path) -> dict[str, Results]:
    """At the same time: the suites wait more than they work."""
    python = suite_environment(suite, checkout, cache / "environments")
    with ThreadPoolExecutor(len(brokers)) as pool:
        runs = {
            name: pool.submit(run_suite, suite, checkout, python, address, cache / "runs" / name / suite.label)
            for name, address in brokers.items()
        }
        return {name: run.result() for name, run in runs.items()}


def _print_table(suite: Suite, results: dict[str, Results]) -> int:
    """Answers how many tests fail on ours only."""
    print(f"\n{suite.label:<18} {'passed':>7} {'unsteady':>9} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for name, run in results.items():
        counts = f"{len(run.passed):>7} {len(run.unsteady):>9} {len(run.failed):>7} {len(run.skipped):>8}"
        print(f"{name:<18} {counts} {run.seconds:>8.0f}")
    elsewhere = results.get(APACHE_KAFKA, Results())
    only_ours = sorted(results[PENSTOCK].failed - elsewhere.failed)
    for title, names in (
        ("fails on ours only", only_ours),
        ("fails on Apache Kafka only", sorted(elsewhere.failed - results[PENSTOCK].failed)),
        ("fails on both", sorted(elsewhere.failed & results[PENSTOCK].failed)),
        ("skipped on ours only", sorted(results[PENSTOCK].skipped - elsewhere.skipped)),
    ):
        for name in names:
            print(f"  {title}: {name}")
    sys.stdout.flush()
    return len(only_ours)


if __name__ == "__main__":
    sys.exit(main())
