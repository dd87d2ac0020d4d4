"""Sends mutated requests to a node of the log while a well-behaved client goes on, and looks for harm.

    python -m tests.conformance.fuzz [--requests 1000000] [--seed N] [--connections 32]

A node is started for it. Harm is: the node dies; the good client is not served, or not what it wrote; a handler fails
with an exception; memory or open files grow past their bounds; at the end some API is no longer answered. Exit code 1
says so. The seed is printed: the same seed sends the same requests (in an order that depends on the answers).
"""

import argparse
import asyncio
import collections
import random
import struct
import sys
import time
from itertools import count

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.conformance.mutation import encode_request, mutate, request_frames
from tests.conformance.node import RunningNode, running_node

ANSWERED, CLOSED = "answered", "connection closed"
WAITING = "left waiting"  # in a long poll, or a group that waits for members; with acks=0 there is no answer at all
ANSWER_TIMEOUT_SECONDS = 0.5
GOOD_CLIENT_DEADLINE_SECONDS = 30
GROWTH_BYTES_MAX = 300_000_000
OPEN_FILES_GROWTH_MAX = 5000
MUTATIONS_OF_A_FRAME = 20
API_VERSIONS = 18
_LENGTH = struct.Struct(">i")

Version = tuple[int, int, int]
Address = tuple[str, int]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HarmError(Exception):
    """The node did what it must never do."""


class Fuzzer:
    """Mutated requests on many connections, until `requests` of them have met their end."""

    def __init__(self, address: Address, versions: list[Version], requests: int, rng: random.Random) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self._address = address
        self._versions = versions
        self._requests = requests
        self._rng = rng

    async def run(self, connections: int) -> None:
        attacks = [self._attack(random.Random(self._rng.getrandbits(64))) for _ in range(connections)]
        await asyncio.gather(*attacks)

    async def _attack(self, rng: random.Random) -> None:
        frames: list[bytes] = []
        connection: Connection | None = None
        for sent in count():
            if self.outcomes.total() >= self._requests:
                break
            if sent >= MUTATIONS_OF_A_FRAME * len(frames):
                frames = request_frames(rng, self._versions)
            connection = connection or await _connect(self._address)
            outcome = await _outcome(connection, mutate(rng, rng.choice(frames), frames))
            self.outcomes[outcome] += 1
            if outcome != ANSWERED:
                connection[1].transport.abort()
                connection = None


async def _connect(address: Address) -> Connection:
    try:
        return await asyncio.open_connection(*address)
    except OSError as error:
        raise HarmError(f"the node does not accept connections: {error}") from error


async def _outcome(connection: Connection, frame: bytes) -> str:
    reader, writer = connection
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            writer.write(_LENGTH.pack(len(frame)) + frame)
            await reader.readexactly(*_LENGTH.unpack(await reader.readexactly(4)))
    except TimeoutError:
        return WAITING
    except (asyncio.IncompleteReadError, ConnectionError):
        return CLOSED
    return ANSWERED


async def be_a_good_client(bootstrap_servers: str, stop: asyncio.Event) -> int:
    """Write numbered records and read each back, until `stop`; how many. Raises where one does not come back."""
    topic = "steady"
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    async with producer, consumer:
        consumer.assign([TopicPartition(topic, 0)])
        for number in count():
            if stop.is_set():
                return number
            value = b"%d" % number
            try:
                async with asyncio.timeout(GOOD_CLIENT_DEADLINE_SECONDS):
                    await producer.send_and_wait(topic, value, partition=0)
                    record = await consumer.getone()
            except TimeoutError:
                raise HarmError(
                    f"the good client waited {GOOD_CLIENT_DEADLINE_SECONDS} s for record {number}"
                ) from None
            if (record.offset, record.value) != (number, value):
                raise HarmError(f"the good client wrote {value!r} and read {record.value!r} at offset {record.offset}")
    raise AssertionError


async def exchange(address: Address, frame: bytes) -> bytes:
    reader, writer = await _connect(address)
    try:
        async with asyncio.timeout(GOOD_CLIENT_DEADLINE_SECONDS):
            writer.write(_LENGTH.pack(len(frame)) + frame)
            return await reader.readexactly(*_LENGTH.unpack(await reader.readexactly(4)))
    finally:
        writer.transport.abort()


async def advertised_versions(address: Address) -> list[Version]:
    answer = await exchange(address, struct.pack(">hhih", API_VERSIONS, 0, 1, -1))
    return list(struct.iter_unpack(">hhh", answer[10:]))


async def fuzz(node: RunningNode, requests: int, connections: int, rng: random.Random) -> Fuzzer:
    host, _, port = node.bootstrap_servers.rpartition(":")
    address = host, int(port)
    versions = await advertised_versions(address)
    fuzzer = Fuzzer(address, versions, requests, rng)
    stop = asyncio.Event()
    good_client = asyncio.create_task(be_a_good_client(node.bootstrap_servers, stop))
    attack = asyncio.create_task(fuzzer.run(connections))
    await asyncio.wait({good_client, attack}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    if not attack.done():
        attack.cancel()
        await good_client
        raise HarmError("the good client stopped")
    await attack
    print(f"the good client wrote and read {await good_client} records meanwhile")
    for api_key, _, highest in versions:
        if api_key != API_VERSIONS:
            continue
        await exchange(address, encode_request(rng, api_key, highest))
    return fuzzer


def failed_requests(log: str) -> collections.Counter[str]:
    """The last line of each exception in the node's log: a handler that raised is a defect."""
    failures: collections.Counter[str] = collections.Counter()
    for part in log.split("request failed")[1:]:
        lines = part.split("\n2")[0].rstrip().splitlines()
        failures[lines[-1][:300]] += 1
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with running_node() as node:
        process = psutil.Process(node.process.pid)
        memory, files, started = process.memory_info().rss, process.num_fds(), time.monotonic()
        try:
            fuzzer = asyncio.run(fuzz(node, options.requests, options.connections, random.Random(options.seed)))
            code = node.process.poll()
        except (HarmError, OSError) as error:
            print(f"HARM: {error}; the node's exit code: {node.process.poll()}")
            print(node.stderr_path.read_text()[-20000:])
            return 1
        print(f"{fuzzer.outcomes.total()} requests in {time.monotonic() - started:.0f} s: {dict(fuzzer.outcomes)}")
        grown, more_files = process.memory_info().rss - memory, process.num_fds() - files
        print(f"memory {memory / 1e6:.0f} MB and {grown / 1e6:+.0f} MB; open files {files} and {more_files:+}")
        failures = failed_requests(node.stderr_path.read_text())
    for failure, times in failures.most_common():
        print(f"HARM: {times} requests failed in their handler: {failure}")
    return 1 if code is not None or failures or grown > GROWTH_BYTES_MAX or more_files > OPEN_FILES_GROWTH_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
