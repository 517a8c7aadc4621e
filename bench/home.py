"""This process, or one that it starts, set up on an empty database; ends as clean as it began."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

from app.accounts import tokens, users
from app.accounts.identity import SCOPES
from bench.figure import Setting
from config import database, redis, schema
from config.settings import settings
from pipelines.jobs.events import publisher
from pipelines.models.account import remembered_name
from tests.servers import RedisServer

SECRET = "a-secret-of-the-bench-0123456789-abcdef"


def environment(setting: Setting, server: RedisServer, folder: Path, **more: str) -> dict[str, str]:
    """What a process of an installation in `folder` is told; `setting.env` says which database."""
    return {
        "MEDIANEST_DATA_DIR": str(folder),
        "MEDIANEST_SECRET_KEY": SECRET,
        "MEDIANEST_REQUESTS_PER_MINUTE": "0",  # the rivals count nobody either; docs/profile.md says what it costs
        "REDIS_URL": server.url,
        "DATABASE_URL": f"sqlite:///{folder / 'medianest.db'}",
        **setting.env,
        **more,
    }


@contextmanager
def at_home(env: dict[str, str]) -> Iterator[None]:
    """This process as one of the installation's, with the schema in place."""
    before = dict(os.environ)
    os.environ.update(env)
    _forget()
    database.bind(settings().database_url)
    try:
        schema.upgrade()
        yield
        publisher.flush()
    finally:
        database.database.close()
        database.database.close_all()
        os.environ.clear()
        os.environ.update(before)
        _forget()


def _forget() -> None:
    for remembered in (settings, redis.quick, redis.blocking, remembered_name):
        remembered.cache_clear()


def people(count: int) -> list[str]:
    """Make ordinary users; a token of each."""
    with database.transaction():
        return [
            tokens.create(users.create(f"user-{n}", None, "user"), "bench", SCOPES)[1] for n in range(count)
        ]


@contextmanager
def second_database(setting: Setting) -> Iterator[dict[str, str]]:
    """`env` of one more empty database beside the setting's own."""
    url = setting.env.get("DATABASE_URL")
    if url is None:
        yield {}
        return
    name = url.rsplit("/", 1)[1] + "_2"
    _administer(url, f"CREATE DATABASE {name}")
    try:
        yield {"DATABASE_URL": f"{url}_2"}
    finally:
        _administer(url, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(url: str, command: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(command)
    finally:
        connection.close()
