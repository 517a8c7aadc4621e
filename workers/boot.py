"""What every process of ours does first: read the settings, reach the database, check its schema."""

import signal
import threading

import structlog

from config import database, logging, schema, tether
from config.settings import settings
from workers.checks import check_settings, refuse

log = structlog.get_logger(__name__)


def begin(program: str) -> threading.Event:
    """Read the settings, send logs on their way, tie us to the supervisor; what is set once we are told to stop."""
    check_settings()
    logging.configure(program)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tether.hold()
    return stop


def connect(connections: int, stop: threading.Event | None = None) -> None:
    """Bind the database and wait until it can be reached, or end when told to `stop`; refuse a schema that
    is not ours."""
    check_settings()
    stop = stop or threading.Event()
    database.bind(settings().database_url, connections=connections)
    while True:
        try:
            schema.require_current()
            return
        except schema.SchemaMismatch as error:
            refuse(str(error))
        except database.AWAY as error:
            log.warning("waiting for the database", error=type(error).__name__)
            if stop.wait(1.0):
                raise SystemExit(0) from None
