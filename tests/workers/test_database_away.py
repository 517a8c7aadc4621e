"""While the database is away workers wait; when it is back they go on with what they were doing."""

from collections import Counter

import pytest

from config.database import AWAY, query
from tests.private_server import wait_until
from tests.servers import PostgresServer
from tests.workers.conftest import Pool

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


def answers() -> bool:
    try:
        return bool(query("SELECT 1 AS one"))
    except AWAY:
        return False


@pytest.mark.parametrize("fault", ["killed", "paused"])
def test_jobs_that_run_while_the_database_is_away_end_once(
    pool: Pool, postgres_server: PostgresServer, fault: str
) -> None:
    pool.scheduler()
    for _ in range(2):
        pool.worker()
    jobs = [pool.submit("effect", seconds=6) for _ in range(6)]
    for each in jobs:
        pool.wait_for_begin(each, 1)
    if fault == "killed":
        postgres_server.kill()
        wait_until(lambda: len(pool.effects()) == 0 and not answers(), 20, "the outage")
        postgres_server.start()
    else:
        postgres_server.pause()
        wait_until(lambda: not answers(), 20, "the outage")
        postgres_server.resume()
    wait_until(answers, 20, "the database")
    rows = pool.wait_for_end(*jobs, seconds=60)
    assert Counter(row["state"] for row in rows) == {"succeeded": 6}
    assert Counter(pool.effects()) == dict.fromkeys(jobs, 1)
    later = pool.submit("effect")
    pool.wait_for_end(later)
