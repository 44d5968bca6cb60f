"""Structured logs on standard output, for every process; what people wrote is never in them."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from memoryos_tasks.core.settings import Log

#: Loggers that bring their own handlers, or speak at a length that only debugging wants.
_ADOPTED = (
    "gunicorn.error",
    "gunicorn.access",
    "celery",
    "celery.task",
    "celery.redirected",
    "kombu",
    "werkzeug",
)
_TALKATIVE = (
    "urllib3", "httpx", "kombu", "amqp", "filelock",
    "celery.worker.strategy", "celery.app.trace", "celery.beat",
)


class _Stdout(logging.Handler):
    """Writes to whatever standard output is at the moment; processes that fork or daemonise change it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:
            self.handleError(record)


def configure(log: Log) -> None:
    """Send structlog and the standard library's logging through one renderer. May be called again."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Stdout()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _where_not_what,
                *_renderers(log.format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in _ADOPTED:
        adopted = logging.getLogger(name)
        adopted.handlers.clear()
        adopted.propagate = True
    set_level(log.level)


def set_level(level: str) -> None:
    """Apply a level now."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger().setLevel(number)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def _renderers(format: str) -> list[Any]:
    if format == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    json = structlog.processors.JSONRenderer(ensure_ascii=False)
    return [structlog.processors.EventRenamer("message"), json]


def _where_not_what(
    _logger: Any, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Replace an exception by its type and places: its text and its locals may quote a prompt."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    elif isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[0] is not None:
        event["error"] = info[0].__name__
        event["where"] = _places(info[2])
    event.pop("exception", None)
    return event


def _places(trace: Any) -> list[str]:
    found: list[str] = []
    while trace is not None and len(found) < 50:
        code = trace.tb_frame.f_code
        found.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found
