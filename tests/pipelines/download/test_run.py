"""A download from its submission to the library, in one process and on both databases."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from config.database import change, now
from config.settings import settings
from pipelines.integrations.ytdlp.messages import plain_text
from pipelines.jobs import waiting
from pipelines.models import cookie, download
from tests.pipelines.download.conftest import KINDS, Downloads
from tests.standins.canary import Canary
from tests.standins.video_site import VideoSite

SetEnv = Callable[..., None]


def library() -> dict[str, Path]:
    root = settings().media_dir
    files = (file for file in root.rglob("*") if file.is_file() and ".staging" not in file.parts)
    return {str(file.relative_to(root)): file for file in files}


def test_a_video_with_facts_gets_a_place_and_companions(downloads: Downloads, site: VideoSite) -> None:
    job = downloads.run(site.url("/watch/small.mp4?thumbnail=1&title=Sea%3A%20a%2Fb"))
    assert job["state"] == "succeeded", job["error"]
    first, *others = job["result"]["files"]
    assert first["path"] == ("Harbour Films/Season 2026/Harbour Films - 2026-06-01 - Sea- a-b [small].mp4")
    assert first["sha256"] == site.sha256("/small.mp4")
    assert {Path(other["path"]).name.split("[small]")[1] for other in others} == {".nfo", "-thumb.jpg"}
    for each in job["result"]["files"]:
        content = (settings().media_dir / each["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each["bytes"], each["sha256"])
    assert set(library()) == {each["path"] for each in job["result"]["files"]}
    assert set(job["result"]) == {"title", "uploader", "duration", "files", "source_url"}


def test_chosen_subtitles_lie_beside_the_video(downloads: Downloads, site: VideoSite) -> None:
    job = downloads.run(site.url("/html5.html"), subtitles=["de"])
    names = [Path(each["path"]).name for each in job["result"]["files"]]
    assert [name for name in names if name.endswith(".vtt")] == [names[0].replace(".mp4", ".de.vtt")]


def test_embedding_puts_everything_inside_one_file(downloads: Downloads, site: VideoSite) -> None:
    job = downloads.run(site.url("/watch/small.mp4?thumbnail=1&chapters=1"), embed=True)
    (file,) = job["result"]["files"]
    content = (settings().media_dir / file["path"]).read_bytes()
    assert file["sha256"] != site.sha256("/small.mp4")
    assert b"The small film" in content and b"Harbour Films" in content


def test_a_playlist_becomes_a_job_for_each_entry(downloads: Downloads, site: VideoSite) -> None:
    number = downloads.submit(site.url("/feed/links.xml?items=4"))
    downloads.run_one()
    assert [child["state"] for child in downloads.children(number)] == ["queued"] * 4
    downloads.run_all()
    assert {child["state"] for child in downloads.children(number)} == {"succeeded"}
    assert len([path for path in library() if path.endswith(".mp4")]) == 4


@pytest.mark.parametrize(("items", "places"), [("2:3", [2, 3]), ("3:", [3, 4]), (":2", [1, 2])])
def test_a_window_takes_some_entries(
    downloads: Downloads, site: VideoSite, items: str, places: list[int]
) -> None:
    number = downloads.submit(site.url("/rss.xml?items=4"), items=items)
    downloads.run_one()
    urls = [child["params"]["url"] for child in downloads.children(number)]
    assert urls == [site.url(f"/small.mp4?entry={place}") for place in places]


def test_one_place_of_a_playlist_is_one_download(downloads: Downloads, site: VideoSite) -> None:
    job = downloads.run(site.url("/rss.xml?items=4"), items="2")
    assert (job["state"], job["children"]) == ("succeeded", 0)
    assert job["result"]["files"][0]["sha256"] == site.sha256("/small.mp4")


def test_a_playlist_is_cut_at_the_cap_and_says_so(
    downloads: Downloads, site: VideoSite, set_env: SetEnv
) -> None:
    set_env(DOWNLOAD_PLAYLIST_MAX=3)
    number = downloads.submit(site.url("/rss.xml?items=9"))
    downloads.run_one()
    assert len(downloads.children(number)) == 3
    assert downloads.job(number)["result"]["more"] is True


def test_videos_without_an_address_of_their_own_are_found_by_their_place(
    downloads: Downloads, site: VideoSite
) -> None:
    number = downloads.submit(site.url("/several.html"))
    downloads.run_all()
    hashes = {child["result"]["files"][0]["sha256"] for child in downloads.children(number)}
    assert hashes == {site.sha256("/small.mp4"), site.sha256("/large.mp4")}


def test_an_entry_that_the_archive_has_is_linked_an_address_is_fetched_again(
    downloads: Downloads, site: VideoSite
) -> None:
    url = site.url("/rss.xml?items=2&title=again{}")
    downloads.submit(url)
    downloads.run_all()
    before, files = len(site.requests), set(library())
    number = downloads.submit(url)
    downloads.run_all()
    assert {child["state"] for child in downloads.children(number)} == {"succeeded"}
    assert set(library()) == files
    assert [each.path for each in site.requests[before:] if each.path.endswith(".mp4")] == []
    assert len(download.newest(None, None, 50)) == 2
    downloads.run(downloads.children(number)[0]["params"]["url"])
    assert len(library()) > len(files)


def test_a_linked_entry_belongs_to_both(downloads: Downloads, site: VideoSite) -> None:
    url = site.url("/rss.xml?items=2&title=both{}")
    downloads.submit(url, owner=1)
    downloads.run_all()
    downloads.submit(url, owner=2)
    downloads.run_all()
    mine, theirs = download.newest(1, None, 50), download.newest(2, None, 50)
    assert [row["path"] for row in mine] == [row["path"] for row in theirs]
    assert download.shared(mine[0]["path"], mine[0]["id"])


def test_an_entry_whose_file_is_gone_is_fetched_again(downloads: Downloads, site: VideoSite) -> None:
    url = site.url("/rss.xml?items=2&title=gone{}")
    downloads.submit(url)
    downloads.run_all()
    for file in library().values():
        file.unlink()
    number = downloads.submit(url)
    downloads.run_all()
    assert {child["state"] for child in downloads.children(number)} == {"succeeded"}
    assert len([path for path in library() if path.endswith(".mp4")]) == 2


@pytest.mark.parametrize("path", ["/large.mp4", "/large.mp4?nolength=1", "/endless.mp4?rate=20000000"])
def test_too_large_is_too_large_whatever_the_site_says(
    downloads: Downloads, site: VideoSite, set_env: SetEnv, path: str
) -> None:
    set_env(DOWNLOAD_MAX_BYTES="3 MB")
    job = downloads.run(site.url(path))
    assert (job["state"], job["error"]["code"]) == ("failed", "too_large")
    assert library() == {}


def test_a_download_that_takes_too_long_ends(downloads: Downloads, site: VideoSite, set_env: SetEnv) -> None:
    set_env(DOWNLOAD_MAX_SECONDS=2)
    job = downloads.run(site.url("/large.mp4?rate=200000"))
    assert (job["state"], job["error"]["code"]) == ("failed", "too_slow")


def test_a_full_disk_keeps_downloads_waiting_and_costs_nothing(
    downloads: Downloads, site: VideoSite, set_env: SetEnv
) -> None:
    set_env(DISK_FLOOR="900 T")
    number = downloads.submit(site.url("/small.mp4"))
    downloads.run_all()
    waiting.explain(KINDS)
    job = downloads.job(number)
    assert (job["state"], job["attempt"], job["waiting"]["reason"]) == ("queued", 0, "disk")
    set_env(DISK_FLOOR=0)
    downloads.run_all()
    assert downloads.job(number)["state"] == "succeeded"


def test_a_disk_that_fills_up_stops_a_running_download_which_then_goes_on(
    downloads: Downloads, site: VideoSite, set_env: SetEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_env(DISK_FLOOR="1 GiB")
    full_with = [2**20]  # bytes in staging

    def usage(path: Path) -> SimpleNamespace:
        staged = sum(part.stat().st_size for part in settings().staging_dir.rglob("*.part"))
        return SimpleNamespace(free=2**20 if staged >= full_with[0] else 2**33)

    monkeypatch.setattr("pipelines.download.room.shutil.disk_usage", usage)
    number = downloads.submit(site.url("/large.mp4?rate=4000000&x=fills"))
    downloads.run_all()
    job = downloads.job(number)
    assert (job["state"], job["failures"], job["waiting"]["reason"]) == ("queued", 0, "disk")
    full_with[0] = 2**40
    downloads.run_all()
    job = downloads.job(number)
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert [each.range for each in site.requests if each.query.endswith("x=fills")][-1]


def test_what_does_not_fit_waits_until_there_is_room(
    downloads: Downloads, site: VideoSite, set_env: SetEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_env(DISK_FLOOR=0)
    usage = SimpleNamespace(free=400_000)
    monkeypatch.setattr("pipelines.download.room.shutil.disk_usage", lambda path: usage)
    job = downloads.run(site.url("/small.mp4?rate=100000"))
    assert (job["state"], job["failures"], job["waiting"]["reason"]) == ("scheduled", 0, "disk")
    assert library() == {}


def test_a_host_that_asks_for_patience_is_left_alone_by_everybody(
    downloads: Downloads, site: VideoSite, set_env: SetEnv
) -> None:
    other = urlsplit(site.base)._replace(netloc=f"localhost:{urlsplit(site.base).port}").geturl()
    set_env(EGRESS_ALLOW=f"{urlsplit(site.base).netloc},{urlsplit(other).netloc}")
    refused = downloads.run(site.url("/small.mp4?status=429&retry_after=700"))
    assert refused["error"]["code"] == "rate_limited"
    assert 690 < refused["error"]["retry_at"] - now() <= 700
    before = len(site.requests)
    same = downloads.run(site.url("/small.mp4"), owner=2)
    assert (same["state"], same["failures"], same["waiting"]["reason"]) == ("scheduled", 0, "host")
    assert 690 < same["waiting"]["until"] - now() < 710
    assert len(site.requests) == before
    assert downloads.run(other + "/small.mp4")["state"] == "succeeded"
    change("UPDATE host SET until = NOW - 1")
    change("UPDATE job SET state = 'queued' WHERE id = %s", same["id"])
    downloads.run_all()
    assert downloads.job(same["id"])["state"] == "succeeded"


def test_a_host_that_another_led_to_is_left_alone_as_well(
    downloads: Downloads, site: VideoSite, set_env: SetEnv
) -> None:
    """A short address and a long one may lead to the same site."""
    other = urlsplit(site.base)._replace(netloc=f"localhost:{urlsplit(site.base).port}").geturl()
    set_env(EGRESS_ALLOW=f"{urlsplit(site.base).netloc},{urlsplit(other).netloc}")
    refusing = quote(f"{other}/small.mp4?status=429&retry_after=700", safe="")
    assert downloads.run(site.url(f"/redirect?to={refusing}"))["error"]["code"] == "rate_limited"
    before = len(site.requests)
    for base in (site.base, other):
        held = downloads.run(f"{base}/small.mp4")
        assert (held["state"], held["waiting"]["reason"]) == ("scheduled", "host")
    assert len(site.requests) == before


def test_cookies_are_used_once_the_site_asks_who_is_there(downloads: Downloads, site: VideoSite) -> None:
    url = site.url("/members/small.mp4")
    job = downloads.run(url)
    assert (job["state"], job["error"]["code"]) == ("failed", "sign_in_required")
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\topen\n"
    cookie.put(1, "127.0.0.1", text)
    before = len(site.requests)
    job = downloads.run(url, owner=1)
    assert job["state"] == "succeeded", job["error"]
    assert not site.requests[before].cookie
    assert "session" not in str(job)
    assert downloads.run(url, owner=2)["state"] == "failed"
    assert downloads.run(site.url("/small.mp4?x=plain"))["state"] == "succeeded"
    assert not any(each.cookie for each in site.requests if each.query == "x=plain")


def test_an_address_that_leads_inside_fails_for_good(downloads: Downloads, site: VideoSite) -> None:
    with Canary("127.0.0.1") as canary:
        job = downloads.run(site.url(f"/redirect?to={quote(canary.url('/secret.mp4'), safe='')}"))
        assert (job["state"], job["attempt"], job["error"]["code"]) == ("failed", 1, "blocked_address")
        assert canary.connections == 0


def test_nothing_is_left_in_staging(downloads: Downloads, site: VideoSite) -> None:
    downloads.run(site.url("/hls/master.m3u8"))
    assert list(settings().staging_dir.iterdir()) == []


def test_no_secret_of_a_wish_is_told(downloads: Downloads, site: VideoSite) -> None:
    job: dict[str, Any] = downloads.run(site.url("/small.mp4?status=404&token=canary-1234"))
    assert "canary-1234" not in str(job["error"])


def test_an_entry_that_leads_inside_fails_and_the_others_go_on(downloads: Downloads, site: VideoSite) -> None:
    with Canary("127.0.0.1") as canary:
        number = downloads.submit(
            site.url(f"/rss.xml?items=3&address={quote(canary.url('/a.mp4'), safe='')}")
        )
        downloads.run_all()
        assert canary.connections == 0
    found = [(child["state"], (child["error"] or {}).get("code")) for child in downloads.children(number)]
    assert sorted(found, key=str) == [
        ("failed", "blocked_address"),
        ("succeeded", None),
        ("succeeded", None),
    ]


@pytest.mark.parametrize("entry", ["http://[x/", "http://a%E2%84%80b/"])
def test_an_odd_entry_does_not_keep_its_playlist_from_ending(
    downloads: Downloads, site: VideoSite, entry: str
) -> None:
    number = downloads.submit(site.url(f"/rss.xml?items=2&address={quote(entry, safe='')}"))
    downloads.run_all()
    states = [child["state"] for child in downloads.children(number)]
    assert len(states) == 2 and "succeeded" in states
    assert set(states) <= {"succeeded", "failed", "scheduled"}


def test_a_title_that_no_database_takes_is_made_plain(downloads: Downloads, site: VideoSite) -> None:
    assert plain_text("a\ud83db\0c") == "a?bc"
    job = downloads.run(site.url("/small.mp4?x=plain-title"))
    assert job["state"] == "succeeded"
