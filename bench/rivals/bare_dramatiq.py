"""One Dramatiq actor a job on the stock RedisBroker: the row becomes running, then done.

Dramatiq and peewee as their documentation shows them, with the default middleware. No claim, no fence, no history,
no event, no limits, no log. `python -m bench.rivals.bare_dramatiq COUNT` writes jobs down and sends their messages;
the stock `dramatiq` command works them off.
"""

import os
import sys
import time
from typing import Any

import dramatiq
import peewee
from dramatiq.brokers.redis import RedisBroker

from bench.rivals.pool import open_pool

database = open_pool(os.environ["DATABASE_URL"])
dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))  # type: ignore[no-untyped-call]


class Job(peewee.Model):
    """What is to be done; the only index is that of the key."""

    id = peewee.AutoField()
    owner = peewee.IntegerField()
    host = peewee.TextField()
    state = peewee.TextField(default="queued")
    started_at = peewee.DoubleField(null=True)
    finished_at = peewee.DoubleField(null=True)

    class Meta:
        """A table beside ours."""

        database = database
        table_name = "bare_job"


@dramatiq.actor
def work(job_id: int) -> None:
    """Do nothing, and write down that it began and ended."""
    with database.connection_context():
        Job.update(state="running", started_at=time.time()).where(Job.id == job_id).execute()
        Job.update(state="done", finished_at=time.time()).where(Job.id == job_id).execute()


def fill(count: int) -> None:
    """Empty the table, write `count` jobs down and send their messages."""
    with database.connection_context(), database.atomic():
        database.create_tables([Job])
        table: Any = Job
        table.delete().execute()
        rows = [{"owner": each % 20, "host": f"host-{each % 20}"} for each in range(count)]
        table.insert_many(rows).execute()
        ids = database.execute_sql("SELECT id FROM bare_job ORDER BY id").fetchall()
    for (job_id,) in ids:
        work.send(job_id)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
