"""Structured logs: one line an event, with the request id and job id of what caused it."""

import logging
import re
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any

import structlog

from config.json_text import write_json
from config.settings import settings

SECRET_KEYS = re.compile(
    r"(authorization|cookie|password|secret|token|api[_-]?key|setup_code)", re.IGNORECASE
)
SECRET_TEXT = re.compile(
    r"""(mnp_\w+
    |(?<=://)[^/\s@]+(?=@)                                    # user and password in an address
    |(?-i:\b[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}\b)            # a setup code
    |(?<=mn_session=)[^\s;,"']+|(?<=mn_sign_in=)[^\s;,"']+
    |(?<=Bearer\ )\S+|(?<=Basic\ )\S+
    |(?:cookie|authorization)\\*["']?\s*[=:]\s*\\*["']?[^\r\n"'\\]+
    |(?:token|password|secret|api[_-]?key)\\*["']?\s*[=:]\s*\\*["']?[^\s"'\\&,;<>)}\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What is hidden in words: `X-Plex-Token=…` in an address, `'X-Api-Key': '…'` in a text about headers, and the like."""


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return SECRET_KEYS.search(key) is not None


def _redact(_logger: Any, _method: str, event: Any) -> Any:
    for key, value in event.items():
        event[key] = _harmless(key, value)
    return event


def _harmless(key: object, value: Any) -> Any:
    """What may be told of a value, whatever is inside it."""
    if isinstance(key, str) and _is_secret(key):
        return "…"
    if isinstance(value, str):  # a word alone is nothing of ours to hide
        return value if value.isalnum() else SECRET_TEXT.sub("…", value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        return {each: _harmless(each, inside) for each, inside in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_harmless(None, inside) for inside in value]
    return _in_words(value)


def _in_words(value: object) -> object:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001 (the line itself says that it cannot be shown)
        return value
    return SECRET_TEXT.sub("…", text)


def _word(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


def _plain(_logger: Any, _method: str, event: Any) -> str:
    """A line without colours; a traceback follows it."""
    time, level, what = event.pop("timestamp", ""), event.pop("level", ""), event.pop("event", "")
    trace = event.pop("exception", None)
    line = " ".join(
        [time, f"[{level}]", str(what), *(f"{key}={_word(value)}" for key, value in event.items())]
    )
    return line if trace is None else f"{line}\n{trace}"


def _safely(render: Any) -> Any:
    """`render`, and a short line for what it cannot show: telling about something must not end it."""

    def rendered(logger: Any, method: str, event: Any) -> str:
        what = str(event.get("event"))
        try:
            return str(render(logger, method, event))
        except Exception as error:  # noqa: BLE001 (whatever a value does when it is looked at)
            return write_json({"event": what, "cannot_be_shown": type(error).__name__})

    return rendered


class _Lines(structlog.WriteLogger):
    """Writes what it can: a full disk or a closed terminal must not end what is being told about."""

    def msg(self, message: str) -> None:
        """Write a line, or lose it."""
        with suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = exception = msg


def configure(program: str) -> None:
    """Send this process's logs, and those of its libraries, to standard error."""
    text = settings().log == "text"

    def name_program(_logger: Any, _method: str, event: Any) -> Any:
        event["program"] = program
        return event

    shared: list[Any] = [
        name_program,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if text:
        renderer = structlog.dev.ConsoleRenderer(colors=True) if sys.stderr.isatty() else _plain
    structlog.configure(  # straight to the file: a line takes half the time that it takes through `logging`
        processors=[*shared, _safely(renderer)],
        logger_factory=lambda *_: _Lines(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("dramatiq", "urllib3", "peewee"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
