"""What every process of ours does first: read the settings, reach the database, check its schema."""

import sys
import time

import structlog

from config import database, schema
from config.settings import SettingsError, settings

log = structlog.get_logger(__name__)

EXIT_SETTINGS = 2


def check_settings() -> None:
    """End the process with code 2 and a list of all problems if the settings are wrong."""
    try:
        settings()
    except SettingsError as error:
        for problem in error.problems:
            print(f"medianest: {problem}", file=sys.stderr)
        raise SystemExit(EXIT_SETTINGS) from None


def connect(connections: int) -> None:
    """Bind the database and wait until it can be reached; refuse a schema that is not ours."""
    check_settings()
    database.bind(settings().database_url, connections=connections)
    while True:
        try:
            schema.require_current()
            return
        except schema.SchemaMismatch as error:
            print(f"medianest: {error}", file=sys.stderr)
            raise SystemExit(EXIT_SETTINGS) from None
        except database.AWAY as error:
            log.warning("waiting for the database", error=type(error).__name__)
            time.sleep(1.0)
