"""yt-dlp as a client of the video site, straight through its own door."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from yt_dlp import YoutubeDL

# What the site says shall be seen as it is: no second tries, no holes.
PLAIN = {
    "quiet": True,
    "no_warnings": True,
    "noprogress": True,
    "retries": 0,
    "fragment_retries": 0,
    "skip_unavailable_fragments": False,
}

Read = Callable[..., dict[str, Any]]
Fetch = Callable[..., list[Path]]


@pytest.fixture
def read() -> Read:
    """What yt-dlp learns about an address without downloading it."""

    def extract(url: str, **options: Any) -> dict[str, Any]:
        with YoutubeDL(PLAIN | options) as client:
            facts: dict[str, Any] = client.extract_info(url, download=False)
            return facts

    return extract


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """The files that yt-dlp makes of an address, by name."""

    def download(url: str, **options: Any) -> list[Path]:
        with YoutubeDL(PLAIN | {"outtmpl": f"{tmp_path}/media.%(ext)s"} | options) as client:
            client.download([url])
        return sorted(tmp_path.iterdir())

    return download
