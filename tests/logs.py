"""What is logged, whoever has configured logging before: a logger that was used once keeps its way."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog


@contextmanager
def heard(module: Any) -> Iterator[list[MutableMapping[str, Any]]]:
    """What `module` logs inside, event by event."""
    usual, module.log = module.log, structlog.get_logger()
    try:
        with structlog.testing.capture_logs() as logs:
            yield logs
    finally:
        module.log = usual
