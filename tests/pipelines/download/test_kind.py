"""What a download accepts, and whose partial files it goes on with."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipelines.download import kind, leftovers
from pipelines.download.params import Params


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.mp4",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "example.com/a.mp4",
        "http://",
        "http://user:secret@example.com/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://exa mple.com/",
        "",
    ],
)
def test_an_address_that_is_not_of_the_web_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Params(url=url)
    (error,) = refusal.value.errors()
    assert error["loc"] == ("url",) and "secret" not in error["msg"]


def test_a_url_is_all_that_is_needed() -> None:
    params = Params(url=" https://example.com/a.mp4 ")
    assert params.model_dump() == {
        "url": "https://example.com/a.mp4",
        "mode": "video",
        "quality": "best",
        "container": "mp4",
        "subtitles": [],
        "embed": False,
        "items": None,
    }


def test_attempts_share_their_partial_files_and_other_downloads_do_not() -> None:
    first = kind._staging_name(17, Params(url="https://example.com/a"))
    assert first == kind._staging_name(17, Params(url="https://example.com/a"))
    assert first != kind._staging_name(17, Params(url="https://example.com/b"))
    assert first != kind._staging_name(17, Params(url="https://example.com/a", mode="audio"))
    assert leftovers.job_of(Path(first)) == 17
