"""Buffers are used again, but never while somebody may still look into them."""

import pytest

from penstock_log.server.receive_buffers import ReceiveBuffers

MEGABYTE = 1 << 20


def test_a_buffer_is_used_again_once_no_view_of_it_is_left() -> None:
    buffers = ReceiveBuffers()
    first = buffers.take(MEGABYTE - 1)
    frame = memoryview(first)[10:20].toreadonly()
    buffers.give_back(first)
    second = buffers.take(MEGABYTE - 1)
    assert second is not first
    frame.release()
    assert buffers.take(MEGABYTE - 1) is first
    assert len(first) == MEGABYTE


def test_one_that_is_in_use_for_long_does_not_hold_up_the_others() -> None:
    buffers = ReceiveBuffers()
    long_used, free = buffers.take(MEGABYTE), buffers.take(MEGABYTE)
    held = memoryview(long_used)
    buffers.give_back(long_used)
    buffers.give_back(free)
    assert buffers.take(MEGABYTE) is not long_used
    assert buffers.take(MEGABYTE) is free
    held.release()


def test_what_is_kept_is_bounded() -> None:
    buffers = ReceiveBuffers()
    given = [buffers.take(MEGABYTE) for _ in range(20)]
    for buffer in given:
        buffers.give_back(buffer)
    taken = [buffers.take(MEGABYTE) for _ in range(20)]
    assert sum(any(buffer is other for other in given) for buffer in taken) == 8


@pytest.mark.parametrize("size", [0, 16 * 1024, 2 * MEGABYTE + 1, 5 * MEGABYTE])
def test_sizes_that_are_not_kept_are_given_exactly(size: int) -> None:
    buffers = ReceiveBuffers()
    buffer = buffers.take(size)
    assert len(buffer) == size
    buffers.give_back(buffer)
    assert size == 0 or buffers.take(size) is not buffer
