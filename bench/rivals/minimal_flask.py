"""The least that takes a job: look up a token, insert a row, send a Dramatiq message.

Flask, peewee and the stock RedisBroker as their documentation shows them, one connection a request from a
pool that probes only what was idle. No quota, no idempotency, no validation, no history, no event, no log.
"""

import os
import time
from typing import Any

import dramatiq
import peewee
from dramatiq.brokers.redis import RedisBroker
from flask import Flask, request

from bench.rivals.pool import open_pool

TOKENS = 64

database: Any = peewee.DatabaseProxy()
broker = RedisBroker(url=os.environ["REDIS_URL"])  # type: ignore[no-untyped-call]
dramatiq.set_broker(broker)


class Token(peewee.Model):
    """Who may submit."""

    id = peewee.TextField(primary_key=True)
    owner = peewee.IntegerField()

    class Meta:
        """Bound when the process starts."""

        database = database


class Job(peewee.Model):
    """What is to be done."""

    id = peewee.AutoField()
    owner = peewee.IntegerField(index=True)
    url = peewee.TextField()
    state = peewee.TextField(default="queued")
    created_at = peewee.DoubleField(default=time.time)

    class Meta:
        """Bound when the process starts."""

        database = database


@dramatiq.actor(broker=broker)
def work(job_id: int) -> None:
    """Never runs: only the web process is measured."""


def token(number: int) -> str:
    """One of the TOKENS."""
    return f"token-{number}"


def create_app() -> Flask:
    """The application on empty tables."""
    database.initialize(open_pool(os.environ["DATABASE_URL"]))
    with database.connection_context():
        database.create_tables([Token, Job])
        Token.insert_many([{"id": token(each), "owner": each} for each in range(TOKENS)]).execute()
    app = Flask(__name__)
    app.before_request(lambda: database.connect(reuse_if_open=True) and None)
    app.teardown_request(lambda _error: database.close())
    app.post("/jobs")(submit)
    return app


def submit() -> tuple[dict[str, int], int]:
    """Take one job."""
    secret = request.headers["Authorization"].removeprefix("Bearer ")
    owner = Token.get_by_id(secret).owner
    job = Job.create(owner=owner, url=request.get_json()["url"])
    work.send(job.id)
    return {"id": job.id}, 202
