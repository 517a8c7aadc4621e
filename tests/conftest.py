"""What every test can ask for: real servers, both databases, a browser where there is one.

`make test` skips browser tests with a reason on a machine without Chromium. CI sets REQUIRE_BROWSER=1, which refuses
to start without it, and REQUIRE_ALL=1, which turns every skipped test into a failed one.
"""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from config import database, redis, schema
from config.settings import Settings, settings
from pipelines.jobs.events import publisher
from pipelines.models.account import remembered_name
from tests.servers import PostgresServer, RedisServer
from tests.standins.plex_sample import Sample
from tests.standins.video_site import VideoSite
from tests.system import System

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; a test that asks for it runs once on each."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'medianest.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def home(
    database_url: str, redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """This process set up on an empty database and an empty Redis; runs once on each database."""
    monkeypatch.setenv("MEDIANEST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    forget_settings()
    redis.quick().flushall()
    database.bind(database_url)
    schema.upgrade()
    yield settings()
    publisher.flush()
    database.database.close()
    database.database.close_all()
    monkeypatch.undo()
    forget_settings()


def forget_settings() -> None:
    for remembered in (settings, redis.quick, redis.blocking, remembered_name):
        remembered.cache_clear()


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sample]:
    """plex.tv, a media server and people, to which this process's settings belong.

    Nobody may have asked either for a place that it does not have.
    """
    with Sample() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        yield running
        assert (running.plex_tv.strangers, running.plex.strangers) == ([], [])


@pytest.fixture(scope="session")
def site() -> Iterator[VideoSite]:
    with VideoSite() as site:
        yield site


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, site: VideoSite) -> Iterator[System]:
    """A running installation with an admin, shared by the tests of a module."""
    with System(tmp_path_factory.mktemp("system"), site=site) as system:
        system.set_up()
        yield system


@pytest.fixture
def fresh_system(tmp_path: Path, site: VideoSite) -> Iterator[System]:
    """A running installation that nobody has set up."""
    with System(tmp_path, site=site) as system:
        yield system


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    wanting = [item for item in items if item.get_closest_marker("browser")]
    if CHROMIUM or not wanting:
        return
    if os.environ.get("REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"REQUIRE_BROWSER=1 and no Chromium for {len(wanting)} tests")
    for item in wanting:
        item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: Any) -> None:
    """Under REQUIRE_ALL=1 a skip is a failure, with the reason that was given."""
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("REQUIRE_ALL") == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL=1 forbids it: {reason}"
