"""The fuzzer's two sides: connections that send mutated requests, and a client that minds its own business."""

import asyncio
import collections
import random
import struct
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.conformance.mutation import Version, mutate, request_frames

ANSWERED, CLOSED = "answered", "connection closed"
WAITING = "left waiting"  # in a long poll, or a group that waits for members; with acks=0 there is no answer at all
ANSWER_TIMEOUT_SECONDS = 0.5
GOOD_CLIENT_DEADLINE_SECONDS = 30
FRAMES_RENEWED_EVERY = 5_000
API_VERSIONS = 18
_LENGTH = struct.Struct(">i")

Address = tuple[str, int]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HarmError(Exception):
    """The node did what it must never do."""


class Attack:
    """Mutated requests on many connections, until `requests` of them have met their end."""

    def __init__(self, address: Address, versions: list[Version], requests: int, rng: random.Random) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self._address = address
        self._versions = versions
        self._requests = requests
        self.rng = rng
        self._sent = 0
        self._frames: list[bytes] = []

    async def run(self, connections: int) -> None:
        await asyncio.gather(*(self._attack() for _ in range(connections)))

    async def open(self, address: Address) -> Connection:
        """A connection that is ready to be attacked."""
        return await connect(address)

    def new_frames(self, rng: random.Random, versions: list[Version]) -> list[bytes]:
        """What is to be mutated, without lengths."""
        return request_frames(rng, versions)

    async def _attack(self) -> None:
        connection: Connection | None = None
        while self.outcomes.total() < self._requests:
            connection = connection or await self.open(self._address)
            outcome = await _outcome(connection, self._next())
            self._count(outcome)
            if outcome != ANSWERED:
                connection[1].transport.abort()
                connection = None

    def _next(self) -> bytes:
        if self._sent % FRAMES_RENEWED_EVERY == 0:
            self._frames = self.new_frames(self.rng, self._versions)
        self._sent += 1
        return mutate(self.rng, self.rng.choice(self._frames), self._frames)

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1
        if self.outcomes.total() % 100_000 == 0:
            print(f"{self.outcomes.total()} requests: {dict(self.outcomes)}", flush=True)


async def connect(address: Address) -> Connection:
    try:
        return await asyncio.open_connection(*address)
    except OSError as error:
        raise HarmError(f"the node does not accept connections: {error}") from error


async def _outcome(connection: Connection, frame: bytes) -> str:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            await exchange(connection, frame)
    except TimeoutError:
        return WAITING
    except (asyncio.IncompleteReadError, ConnectionError):
        return CLOSED
    return ANSWERED


async def exchange(connection: Connection, frame: bytes) -> bytes:
    reader, writer = connection
    writer.write(_LENGTH.pack(len(frame)) + frame)
    return await reader.readexactly(*_LENGTH.unpack(await reader.readexactly(4)))


async def advertised_versions(address: Address) -> list[Version]:
    connection = await connect(address)
    try:
        async with asyncio.timeout(GOOD_CLIENT_DEADLINE_SECONDS):
            answer = await exchange(connection, struct.pack(">hhih", API_VERSIONS, 0, 1, -1))
    finally:
        connection[1].transport.abort()
    return list(struct.iter_unpack(">hhh", answer[10:]))


async def be_a_good_client(bootstrap_servers: str, stop: asyncio.Event) -> int:
    """Write numbered records and read each back, until `stop`; how many. Raises where one does not come back."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    partition = TopicPartition(f"steady-{uuid4().hex}", 0)
    number = 0
    async with producer, consumer:
        consumer.assign([partition])
        while not stop.is_set():
            await _write_and_read_back(producer, consumer, partition, number)
            number += 1
    return number


async def _write_and_read_back(
    producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, partition: TopicPartition, number: int
) -> None:
    value = b"%d" % number
    try:
        async with asyncio.timeout(GOOD_CLIENT_DEADLINE_SECONDS):
            await producer.send_and_wait(partition.topic, value, partition=partition.partition)
            record = await consumer.getone()
    except TimeoutError:
        raise HarmError(f"the good client waited {GOOD_CLIENT_DEADLINE_SECONDS} s for record {number}") from None
    if (record.offset, record.value) != (number, value):
        raise HarmError(f"the good client wrote {value!r} and read {record.value!r} at offset {record.offset}")
