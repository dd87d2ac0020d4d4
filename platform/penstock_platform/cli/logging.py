"""How the processes of the platform log: one line an event on stderr, coloured on a terminal, JSON on request."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logging(*, as_json: bool = False) -> None:
    """Call once at the start of a process. Libraries that use the standard library's logging speak from WARNING on."""
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,  # the default prints local variables, secrets among them
    )
    if as_json:
        renderer = structlog.processors.JSONRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer] if as_json else [*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s [%(levelname)s] %(name)s: %(message)s"
    )
    # aiokafka logs as an error what it then retries; what it gives up on reaches us as an exception.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
