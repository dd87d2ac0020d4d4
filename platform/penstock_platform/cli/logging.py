"""How the processes of the platform log: one line an event on stderr, coloured on a terminal, JSON on request."""

from __future__ import annotations

import logging
import sys

import structlog

PACKAGES = ("penstock", "penstock_platform", "penstock_workers", "penstock_log")


def configure_logging(*, as_json: bool = False) -> None:
    """Call once at the start of a process.

    Every logger is one of the standard library's, named as the module that logs: that is where levels are set, at run
    time too. Ours speak from INFO on, those of libraries from WARNING on.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json)],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.INFO)
    # aiokafka logs as an error what it then retries; what it gives up on reaches us as an exception.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _rendering(as_json: bool) -> list[structlog.typing.Processor]:
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,  # the default prints local variables, secrets among them
        )
    ]
