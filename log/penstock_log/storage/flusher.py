"""Flusher: group commit. One fdatasync, in a thread, for all appends that wait on a log."""

__all__ = ["Flusher"]


class Flusher:
    """Shared by all partitions of a node; `close()` it after them."""

    def __init__(self, threads: int = 4) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
