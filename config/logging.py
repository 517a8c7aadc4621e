"""Structured logs: one line an event, with the request id and job id of what caused it."""

import logging
import re
import sys
from typing import Any

import structlog

from config.settings import settings

SECRET_KEYS = re.compile(r"(authorization|cookie|password|secret|token|api_?key)", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(mnp_\w+|(?<=://)[^/\s@]+(?=@)|(?<=[?&])(?:token|api_?key|X-Plex-Token)=[^&\s]+)", re.IGNORECASE
)


def _redact(_logger: Any, _method: str, event: Any) -> Any:
    for key, value in event.items():
        if SECRET_KEYS.search(key):
            event[key] = "…"
        elif isinstance(value, str):
            event[key] = SECRET_TEXT.sub("…", value)
    return event


def configure(program: str) -> None:
    """Send this process's logs, and those of its libraries, to standard error."""
    text = settings().log == "text"

    def name_program(_logger: Any, _method: str, event: Any) -> Any:
        event["program"] = program
        return event

    shared: list[Any] = [
        name_program,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("dramatiq", "urllib3", "peewee"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
