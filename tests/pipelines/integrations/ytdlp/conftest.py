"""A video site for all tests of this folder, and words for what they wait for."""

import time
from collections.abc import Callable, Iterable, Iterator

import psutil
import pytest

from tests.standins.video_site import VideoSite


@pytest.fixture(scope="session")
def site() -> Iterator[VideoSite]:
    with VideoSite() as running:
        yield running


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until something is so, looking often; fail after a deadline."""

    def wait(so: Callable[[], bool], seconds: float = 20.0) -> None:
        until = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < until, f"not within {seconds} s"
            time.sleep(0.01)

    return wait


@pytest.fixture
def gone(eventually: Callable[..., None]) -> Callable[[Iterable[psutil.Process]], None]:
    """Wait at most two seconds until none of the processes runs; one that init has yet to reap is gone."""

    def over(process: psutil.Process) -> bool:
        try:
            return bool(process.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    return lambda processes: eventually(lambda: all(map(over, processes)), seconds=2)
