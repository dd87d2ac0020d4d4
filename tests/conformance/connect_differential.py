"""Sends the same requests to Kafka Connect and to Penstock, and compares what they answer.

    python -m tests.conformance.connect_differential --java http://127.0.0.1:18083

starts a log and a worker of ours, or takes those that --penstock names. Compared are status codes, headers, the shape
of the JSON, and the messages of errors, in each state of a connector. Every difference that is found must be explained
by a line of `EXPLANATIONS`, and every line must explain one: else the exit code is 1. Kafka Connect's worker must run
on this machine and have the file connectors; the connectors that it has are deleted.
"""

import argparse
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.conformance.connect_calls import Call, all_calls, prepare, sink_calls
from tests.conformance.connect_explanations import EXPLANATIONS, Explanation
from tests.conformance.connect_shapes import Difference, differences
from tests.conformance.connect_sides import Side, java, ours
from tests.conformance.node import running_node
from tests.conformance.worker import running_worker


class Found(NamedTuple):
    call: Call
    difference: Difference
    explanation: Explanation | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--java", required=True, metavar="URL", help="Kafka Connect's REST API")
    parser.add_argument("--penstock", metavar="URL", help="Penstock's REST API; by default one is started")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-connect-")))
        url = options.penstock or stack.enter_context(
            running_worker(stack.enter_context(running_node()).bootstrap_servers)
        )
        sides = []
        for make, at in ((java, options.java), (ours, url)):
            folder = directory / make.__name__
            folder.mkdir()
            sides.append(make(at.rstrip("/"), folder))
        found, calls = compare(*sides)
    raise SystemExit(report(found, calls))


def compare(one: Side, other: Side) -> tuple[list[Found], int]:
    for side in (one, other):
        side.delete_all()
        prepare(side)
    found, calls = [], 0
    for call_one, call_other in zip(all_calls(one), all_calls(other), strict=True):
        found += _answered_differently(one, call_one, other, call_other)
        calls += 1
    for side in (one, other):
        side.call("PUT", "/connectors/sink/stop")
        side.reach("sink", "STOPPED", None)
    for call_one, call_other in zip(sink_calls(one), sink_calls(other), strict=True):
        found += _answered_differently(one, call_one, other, call_other)
        calls += 1
    for side in (one, other):
        side.delete_all()
    return found, calls


def _answered_differently(one: Side, call_one: Call, other: Side, call_other: Call) -> list[Found]:
    answers = [
        side.call(call.method, call.path, call.body, call.content_type)
        for side, call in ((one, call_one), (other, call_other))
    ]
    return [
        Found(
            call_other, difference, next((each for each in EXPLANATIONS if each.explains(call_other, difference)), None)
        )
        for difference in differences(*answers, by_name=call_other.by_name)
    ]


def report(found: list[Found], calls: int) -> int:
    uses = Counter(each.explanation for each in found if each.explanation)
    print(f"{calls} calls to each, {len(found)} differences")
    by_reason: Counter[str] = Counter()
    for explanation in EXPLANATIONS:
        by_reason[explanation.reason] += uses[explanation]
    for reason, count in by_reason.items():
        print(f"{count:5}  {reason}")
    unexplained = [each for each in found if each.explanation is None]
    for call, difference, _ in unexplained:
        print(f"UNEXPLAINED  {call.name} [{difference.kind} {difference.where}]")
        print(f"    Kafka Connect: {difference.java}\n    Penstock:      {difference.ours}")
    unused = [each for each in EXPLANATIONS if not uses[each]]
    for each in unused:
        print(f"UNUSED  {each.kind} {each.call.pattern}: {each.reason}")
    return 1 if unexplained or unused else 0


if __name__ == "__main__":
    main()
