"""One client connection: bytes to frames, frames to handlers, answers back in the order of the requests.

Back-pressure both ways: reading pauses while too many requests, or too many bytes of them, are unanswered, and no
further request is started while the client does not read its answers. A frame keeps the buffer that it was received
into, so records reach the log without a copy, and an idle connection holds one small buffer.
"""

import asyncio
from collections import deque
from struct import Struct
from typing import Protocol, cast

import structlog

from penstock_log.api.registry import CloseConnection, Route
from penstock_log.server.dispatch import Origin, PreparedRequest
from penstock_log.server.receive_buffers import ReceiveBuffers
from penstock_log.wire.encoder import Chunk
from penstock_log.wire.reader import MalformedRequest

log = structlog.get_logger()

RECEIVE_BUFFER_BYTES = 16 * 1024
FIRST_LARGE_BUFFER_BYTES = 2 * 1024 * 1024
MAX_UNANSWERED_REQUESTS = 64
MAX_UNANSWERED_BYTES = 32 * 1024 * 1024
WRITE_HIGH_WATER_BYTES = 1024 * 1024
_LENGTH = Struct(">I")


class FrameHandler(Protocol):
    """What makes answers of frames: the dispatcher, or what stands before it until the peer has logged in."""

    @property
    def max_frame_bytes(self) -> int: ...

    def prepare(self, frame: memoryview, origin: Origin) -> PreparedRequest: ...

    async def answer(self, prepared: PreparedRequest) -> list[Chunk] | None: ...


class Connection(asyncio.BufferedProtocol):
    """Speaks the Kafka protocol with one peer, which has come by the listener of this name. It is one of `connections`
    from when it is made until it is lost."""

    def __init__(
        self, handler: FrameHandler, listener: str, connections: set["Connection"], buffers: ReceiveBuffers
    ) -> None:
        self._handler = handler
        self._listener = listener
        self._connections = connections
        self._buffers = buffers
        self._buffer = bytearray(RECEIVE_BUFFER_BYTES)
        self._limit = RECEIVE_BUFFER_BYTES
        """Up to where the buffer is filled: a frame that begins after a large one gets a buffer of its own."""
        self._start = self._end = 0
        self._waiting: deque[PreparedRequest] = deque()
        self._answers: deque[tuple[PreparedRequest, asyncio.Task[list[Chunk] | None]]] = deque()
        self._unanswered_bytes = 0
        self._reading_paused = self._writing_paused = False
        self._transport: asyncio.Transport
        self._peer = "?"
        self._loop = asyncio.get_running_loop()
        self._last_received = self._loop.time()

    # --- asyncio's callbacks ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface but not the base class.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)
        # A peer that is gone already has no name.
        host, port = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self._origin, self._peer = Origin(host, self._listener), f"{host}:{port}"
        self._connections.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._end == self._limit:
            self._renew_buffer(self._frame_size_at_start())
        return memoryview(self._buffer)[self._end : self._limit]

    def buffer_updated(self, nbytes: int) -> None:
        self._last_received = self._loop.time()
        self._end += nbytes
        try:
            self._take_frames()
        except MalformedRequest as error:
            self._reject(str(error))
            return
        self._start_requests()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        for request, task in self._answers:
            if request.route.only_reads:
                task.cancel()
        self._connections.discard(self)
        self._buffers.give_back(self._buffer)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._start_requests()

    # --- receiving --------------------------------------------------------------------------------------------------

    def _frame_size_at_start(self) -> int:
        if self._end - self._start < _LENGTH.size:
            return 0
        (length,) = _LENGTH.unpack_from(self._buffer, self._start)
        return int(length) + _LENGTH.size

    def _renew_buffer(self, needed: int) -> None:
        """Another buffer that begins with the unfinished frame: the old one belongs to the frames cut from it.

        A large frame gets its memory as it arrives: a length alone costs its sender four bytes.
        """
        unfinished = self._buffer[self._start : self._end]
        affordable = max(FIRST_LARGE_BUFFER_BYTES, 4 * len(unfinished))
        self._buffers.give_back(self._buffer)
        self._limit = max(min(needed, affordable), RECEIVE_BUFFER_BYTES)
        self._buffer = self._buffers.take(self._limit)
        self._buffer[: len(unfinished)] = unfinished
        self._start, self._end = 0, len(unfinished)

    def _take_frames(self) -> None:
        view = memoryview(self._buffer).toreadonly()
        while size := self._frame_size_at_start():
            if size - _LENGTH.size > self._handler.max_frame_bytes:
                raise MalformedRequest(
                    f"a request of {size - _LENGTH.size} bytes is larger than allowed:"
                    f" {self._handler.max_frame_bytes} (socket.request.max.bytes, or what a login may need)"
                )
            end = self._start + size
            if end > self._end:
                break
            self._waiting.append(self._handler.prepare(view[self._start + _LENGTH.size : end], self._origin))
            self._unanswered_bytes += size
            self._start = end
        if self._start == self._end and self._end * 2 > self._limit:
            self._renew_buffer(0)

    def _reject(self, reason: str) -> None:
        log.warning("request refused, closing the connection", peer=self._peer, reason=reason)
        self._waiting.clear()
        self._transport.close()

    # --- answering --------------------------------------------------------------------------------------------------

    def _start_requests(self) -> None:
        """Start what may run now: one request alone, or any number of consecutive pipelined ones."""
        while self._waiting and not self._writing_paused and self._may_start(self._waiting[0].route):
            request = self._waiting.popleft()
            task = self._loop.create_task(self._handler.answer(request))
            self._answers.append((request, task))
            task.add_done_callback(self._send_answers)
        self._balance_reading()

    def _may_start(self, route: Route) -> bool:
        return not self._answers or (route.pipelined and self._answers[-1][0].route is route)

    def _send_answers(self, _: object) -> None:
        while self._answers and self._answers[0][1].done():
            request, task = self._answers.popleft()
            self._unanswered_bytes -= len(request.frame) + _LENGTH.size
            if not task.cancelled():
                self._send(request, task)
        self._start_requests()

    def _send(self, request: PreparedRequest, task: asyncio.Task[list[Chunk] | None]) -> None:
        error = task.exception()
        if isinstance(error, MalformedRequest | CloseConnection):
            if isinstance(error, CloseConnection) and not self._transport.is_closing():
                self._transport.writelines(error.last_answer)
            self._reject(str(error))
        elif error is not None:
            log.error("request failed", peer=self._peer, api_key=request.header.api_key, exc_info=error)
            self._transport.abort()
        elif (chunks := task.result()) and not self._transport.is_closing():
            self._transport.writelines(chunks)

    def _balance_reading(self) -> None:
        unanswered = len(self._waiting) + len(self._answers)
        full = unanswered >= MAX_UNANSWERED_REQUESTS or self._unanswered_bytes >= MAX_UNANSWERED_BYTES
        if full != self._reading_paused and not self._transport.is_closing():
            self._reading_paused = full
            (self._transport.pause_reading if full else self._transport.resume_reading)()

    def is_idle_since(self, time: float) -> bool:
        """Whether nothing has come since that time of the event loop's clock, and nothing is to be answered."""
        return self._last_received < time and not self._answers and not self._waiting

    def close(self) -> None:
        self._transport.close()
