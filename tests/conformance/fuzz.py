"""Sends mutated requests to a node of the log while a well-behaved client goes on, and looks for harm.

    python -m tests.conformance.fuzz [--requests 1000000] [--connections 32] [--seed N] [--login]

A node is started for it. Harm is: the node dies; the good client is not served, or not what it wrote; a handler fails
with an exception; memory or open files grow past their bounds. Exit code 1 says so. The seed is printed: the same seed
makes the same requests, in the same order but for what overtakes what on its way. With --login the requests come to a
listener that asks for a login, and are those of which a login is made.
"""

import argparse
import asyncio
import collections
import random
import re
import sys
import time

import psutil
import uvloop
from tests.conformance.attack import Attack, HarmError, advertised_versions, be_a_good_client
from tests.conformance.login_attack import LOGIN_SETTINGS, LoginAttack
from tests.conformance.node import RunningNode, running_node

# Topics and groups with names of their own are made by mutated requests too, so some growth is no leak.
GROWTH_BYTES_MAX = 300_000_000
OPEN_FILES_GROWTH_MAX = 5_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--login", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    attack_class, settings = (LoginAttack, LOGIN_SETTINGS) if options.login else (Attack, ())
    with running_node(*settings) as node:
        address = node.listeners["SASL_PLAINTEXT"] if options.login else node.bootstrap_servers
        rng = random.Random(options.seed)
        harm = look_for_harm(node, address, attack_class, options.requests, options.connections, rng)
        for line in harm:
            print(f"HARM: {line}")
        if harm:
            print(node.stderr_path.read_text()[-20_000:])
    return 1 if harm else 0


def look_for_harm(
    node: RunningNode, address: str, attack_class: type[Attack], requests: int, connections: int, rng: random.Random
) -> list[str]:
    """What went wrong, a line each."""
    process = psutil.Process(node.process.pid)
    memory, files, started = process.memory_info().rss, process.num_fds(), time.monotonic()
    try:
        outcomes = uvloop.run(attack(node, address, attack_class, requests, connections, rng))
    except HarmError as error:
        return [f"{error}; the node's exit code is {node.process.poll()}"]
    grown, more_files = process.memory_info().rss - memory, process.num_fds() - files
    print(f"{outcomes.total()} requests in {time.monotonic() - started:.0f} s: {dict(outcomes)}")
    print(f"memory {memory / 1e6:.0f} MB and {grown / 1e6:+.0f} MB; open files {files} and {more_files:+}")
    harm = [f"{times} requests failed in their handlers: {failure}" for failure, times in failures_in(node).items()]
    if grown > GROWTH_BYTES_MAX:
        harm.append(f"memory grew by {grown / 1e6:.0f} MB")
    if more_files > OPEN_FILES_GROWTH_MAX:
        harm.append(f"{more_files} more files are open")
    return harm


async def attack(
    node: RunningNode, attacked: str, attack_class: type[Attack], requests: int, connections: int, rng: random.Random
) -> collections.Counter[str]:
    """Attack while a good client goes on; what became of the requests."""
    host, _, port = attacked.rpartition(":")
    address = host, int(port)
    versions = await advertised_versions(address)
    mutated = attack_class(address, versions, requests, rng)
    stop = asyncio.Event()
    good_client = asyncio.create_task(be_a_good_client(node.bootstrap_servers, stop))
    attacking = asyncio.create_task(mutated.run(connections))
    await asyncio.wait({good_client, attacking}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    if attacking.done():
        await attacking
    attacking.cancel()  # where the good client gave up first
    print(f"the good client wrote and read {await good_client} records meanwhile")
    if await advertised_versions(address) != versions:
        raise HarmError("the node advertises other APIs than before")
    return mutated.outcomes


def failures_in(node: RunningNode) -> collections.Counter[str]:
    """The last line of each traceback in the node's log, after the place that it names last."""
    failures: collections.Counter[str] = collections.Counter()
    for event in re.split(r"\n(?=\d{4}-\d\d-\d\dT)", node.stderr_path.read_text()):
        if "Traceback" in event:
            *_, place = re.findall(r'File "(.+, line \d+)', event) or [""]
            failures[f"{event.rstrip().splitlines()[-1][:300]} ({place})"] += 1
    return failures


if __name__ == "__main__":
    sys.exit(main())
