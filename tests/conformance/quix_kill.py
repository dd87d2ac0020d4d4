"""Kills a quixstreams application in the middle of its work, and our log under it: are its windows' sums exact?

    python -m tests.conformance.quix_kill --apache-kafka 127.0.0.1:19092 [--records 200000] [--seed N]

The application (quix_sums.py, in a virtual environment of its own below --cache) sums numbers in tumbling windows with
state, changelog topics and `processing_guarantee="exactly-once"`. It gets kill -9 up to three times, between a
fifth and four fifths of the way, and is started again; on ours the log is killed once as well. What it wrote, read
committed, must be the sums computed from the input, each window once, on both brokers. Exit code 1 says
that ours differs.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.conformance.node import running_node
from tests.conformance.quix_windows import Input, Sums, create_topics, mistakes
from tests.conformance.suite_run import make_environment

QUIXSTREAMS = "quixstreams==3.28.1"
APPLICATION = Path(__file__).with_name("quix_sums.py")
DEADLINE_SECONDS = 120.0
APPLICATION_KILLS = 3


class Application:
    """The application as a process under a supervisor: started again whenever it has ended."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.starts = 0
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes]

    def keep_running(self) -> None:
        if self.starts and self._process.poll() is None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        self.starts += 1

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self.starts:
            self._process.terminate()
            self._process.wait()


@dataclass(frozen=True, slots=True)
class Outcome:
    sums: int
    expected: int
    starts: int
    seconds: float
    mistakes: list[str]

    def row(self, name: str) -> str:
        numbers = f"{self.sums:>6,} of {self.expected:>6,} {self.starts:>7} {self.seconds:>8.0f}"
        return f"{name:<18} {numbers}  {'exact' if not self.mistakes else f'{len(self.mistakes)} WRONG'}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apache-kafka", metavar="HOST:PORT", help="without it, on ours only")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "penstock-conformance")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    python = make_environment(options.cache / "environments" / QUIXSTREAMS.replace("==", "-"), QUIXSTREAMS)
    numbers = Input.random(options.records, random.Random(options.seed))
    outcomes = {}
    with running_node() as node:
        kill_log = node.kill_and_start_again
        outcomes["penstock"] = run(python, node.bootstrap_servers, numbers, random.Random(options.seed), kill_log)
    if options.apache_kafka:
        outcomes["apache-kafka"] = run(python, options.apache_kafka, numbers, random.Random(options.seed), None)
    print_table(outcomes)
    return 1 if outcomes["penstock"].mistakes else 0


def run(
    python: Path, bootstrap_servers: str, numbers: Input, rng: random.Random, kill_log: Callable[[], None] | None
) -> Outcome:
    """All of it on one broker, with topics of its own."""
    name = f"quix-{uuid4().hex[:8]}"
    topics = [f"{name}-numbers", f"{name}-sums"]
    create_topics(bootstrap_servers, topics)
    numbers.write_to(bootstrap_servers, topics[0])
    began = time.monotonic()
    with (
        application(python, bootstrap_servers, topics, numbers.window_ms) as app,
        Sums(bootstrap_servers, topics[1]) as sums,
    ):
        kills: list[tuple[str, Callable[[], None]]] = [("application", app.kill)] * APPLICATION_KILLS
        if kill_log:
            kills.insert(rng.randrange(len(kills) + 1), ("log", kill_log))
        steps = len(kills)
        for number, (what, kill) in enumerate(kills):
            fraction = 0.2 + 0.6 * (number + rng.random()) / steps
            # At least one more than there are, so that what the last kill ended has been started again.
            wait_for(app, sums, max(int(fraction * len(numbers.expected)), len(sums.read) + 1))
            print(f"{name}: kill -9 of the {what} after {len(sums.read):,} sums", flush=True)
            kill()
        wait_for(app, sums, len(numbers.expected))
        app.stop()
        sums.read_to_the_end()
        wrong = mistakes(sums.read, numbers.expected)
        return Outcome(len(sums.read), len(numbers.expected), app.starts, time.monotonic() - began, wrong)


@contextmanager
def application(python: Path, bootstrap_servers: str, topics: list[str], window_ms: int) -> Iterator[Application]:
    with tempfile.TemporaryDirectory(prefix="penstock-conformance-") as folder:
        arguments = [bootstrap_servers, *topics, str(Path(folder) / "state"), str(window_ms)]
        log = Path(folder) / "application.log"
        app = Application([str(python), str(APPLICATION), *arguments], log)
        try:
            yield app
        except TimeoutError as error:
            raise SystemExit(f"{error}; the application said:\n{log.read_text()[-5000:]}") from error
        finally:
            app.stop()


def wait_for(app: Application, sums: Sums, count: int) -> None:
    """Until `count` sums are committed."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(sums.read) < count:
        app.keep_running()
        sums.read_more()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(sums.read)} of {count} sums within {DEADLINE_SECONDS:g} s")


def print_table(outcomes: dict[str, Outcome]) -> None:
    print(f"\n{'':<18} {'sums':>16} {'starts':>7} {'seconds':>8}  result")
    for name, outcome in outcomes.items():
        print(outcome.row(name))
        for mistake in outcome.mistakes[:20]:
            print(f"  {mistake}")


if __name__ == "__main__":
    sys.exit(main())
