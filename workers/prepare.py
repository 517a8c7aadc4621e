"""`python -m workers.prepare`: check everything before `medianest up` starts it, and tell the supervisor as JSON.

The supervisor runs for months and needs a handful of values, so it does not load what this takes.
"""

import json
import sys

from config.key_file import read_or_create
from config.settings import environment, settings
from workers.checks import check_places, check_settings, refuse


def main() -> None:
    """Print `workers.supervisor.Prepared`; ends with code 2 and words if something is wrong."""
    check_settings()
    here = settings()
    try:
        for folder in (here.data_dir, here.run_dir):  # `parents` would not get the mode
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        read_or_create(here.local_token_file)
    except OSError as error:
        refuse(f"MEDIANEST_DATA_DIR: {here.data_dir} cannot be used: {error.strerror}")
    check_places()
    env = environment(
        MEDIANEST_TETHERED="1",
        MEDIANEST_DATA_DIR=str(here.data_dir),
        PROMETHEUS_MULTIPROC_DIR=str(here.run_dir / "metrics"),
    )
    prepared = {
        "environment": {"MALLOC_ARENA_MAX": "2", **env},  # threads share what is free
        "data_dir": str(here.data_dir),
        "run_dir": str(here.run_dir),
        "host": here.host,
        "port": here.port,
        "url": here.url,
        "private_redis": not (env.get("REDIS_URL") or env.get("REDIS_URL_FILE")),
    }
    json.dump(prepared, sys.stdout)


if __name__ == "__main__":
    main()
