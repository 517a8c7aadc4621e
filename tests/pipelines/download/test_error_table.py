"""What goes wrong at a site, and what its job makes of it: code, category, whether and when it is tried again, words."""

import pytest

from config.database import now
from tests.pipelines.download.conftest import Downloads
from tests.standins.video_site import VideoSite

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FINAL = [
    ("/watch/small.mp4?status_page=401", "sign_in_required", "auth"),
    ("/watch/small.mp4?status_page=403", "sign_in_required", "auth"),
    ("/watch/small.mp4?status_page=404", "not_found", "permanent"),
    ("/watch/small.mp4?status_page=410", "not_found", "permanent"),
    ("/watch/small.mp4?status_page=451", "unavailable_here", "permanent"),
    ("/og/small.mp4?status=404", "not_found", "permanent"),
    ("/plain.html", "unsupported_url", "permanent"),
    ("/picture.jpg", "unsupported_url", "permanent"),
    ("/live/media.m3u8", "live_refused", "permanent"),
]
AGAIN = [
    ("/watch/small.mp4?status_page=429&retry_after=30", "rate_limited", "rate", 30),
    ("/watch/small.mp4?status_page=429", "rate_limited", "rate", None),
    ("/watch/small.mp4?status_page=500", "site_error", "temporary", None),
    ("/watch/small.mp4?status_page=503&retry_after=20", "site_error", "temporary", 20),
    ("/og/small.mp4?status=403", "refused", "temporary", None),
    ("/og/small.mp4?status=429&retry_after=25", "rate_limited", "rate", 25),
    ("/og/small.mp4?status=503&retry_after=15", "site_error", "temporary", 15),
    ("/wronglength/small.mp4?claim=2000000", "incomplete", "temporary", None),
    ("/hls/hole.m3u8", "incomplete", "temporary", None),
    ("/hls/master.m3u8?status=404&only=segment04", "incomplete", "temporary", None),
]


@pytest.mark.parametrize(("path", "code", "category"), FINAL)
def test_what_no_other_try_would_mend_ends_the_job(
    downloads: Downloads, site: VideoSite, path: str, code: str, category: str
) -> None:
    job = downloads.run(site.url(path))
    error = job["error"]
    assert (job["state"], error["code"], error["category"]) == ("failed", code, category)
    assert (job["attempt"], job["failures"], error["retry_at"]) == (1, 1, None)
    assert (error["message"].endswith(".") and error["advice"].endswith(".")) or code == "unavailable_here"
    assert site.base not in str(error)


@pytest.mark.parametrize(("path", "code", "category", "after"), AGAIN)
def test_what_may_mend_is_tried_again_when_the_site_says_or_a_little_later(
    downloads: Downloads, site: VideoSite, path: str, code: str, category: str, after: int | None
) -> None:
    job = downloads.run(site.url(path))
    error = job["error"]
    assert (job["state"], error["code"], error["category"]) == ("scheduled", code, category)
    assert (job["attempt"], job["failures"]) == (1, 1)
    remaining = error["retry_at"] - now()
    assert after - 5 < remaining <= after if after else 0 < remaining <= 60
    assert job["waiting"]["until"] == error["retry_at"]
    assert error["message"].endswith(".") and site.base not in str(error)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/a.mp4", "http://nobody.invalid/a.mp4"], ids=["refused", "no name"]
)
def test_a_site_that_cannot_be_reached_is_tried_again(
    downloads: Downloads, set_env: object, url: str
) -> None:
    set_env(EGRESS_ALLOW="127.0.0.1:9")  # type: ignore[operator]
    job = downloads.run(url)
    assert (job["state"], job["error"]["code"], job["failures"]) == ("scheduled", "network", 1)


def test_a_connection_that_breaks_costs_no_try(downloads: Downloads, site: VideoSite) -> None:
    job = downloads.run(site.url("/large.mp4?cut_at=6500000&cut_once=table"))
    assert (job["state"], job["attempt"]) == ("succeeded", 1)
    assert job["result"]["files"][0]["sha256"] == site.sha256("/large.mp4")
