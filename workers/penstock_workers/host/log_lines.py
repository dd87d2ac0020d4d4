"""What loggers say in a task host: lines on stderr, which the worker reads into its own log, with names of the task.

All loggers are the standard library's, structlog's too, so that a level that somebody sets holds for whatever a
connector logs with.
"""

from __future__ import annotations

import logging
import sys

import structlog

from penstock_workers.host.secrets import without_secrets

OURS = "penstock_workers"


def configure_logging() -> None:
    """Ours speak from INFO on, as those of the connector's own package, see `speak_up`; all others from WARNING on."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.LogfmtRenderer(key_order=["level", "event"]),
            ],
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, _below_the_line],
            keep_exc_info=True,
            keep_stack_info=True,
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    speak_up(OURS)
    # aiokafka logs as an error what it then retries; what it gives up on reaches us as an exception.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def speak_up(package: str) -> None:
    logging.getLogger(package).setLevel(logging.INFO)


def _below_the_line(
    _logger: logging.Logger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Tracebacks follow on lines of their own, as the standard library prints them."""
    event.pop("exc_info", None)
    event.pop("stack_info", None)
    return event
