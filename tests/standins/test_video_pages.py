from urllib.parse import quote

import pytest
from yt_dlp import DownloadError

from tests.standins.conftest import Fetch, Read
from tests.standins.media import SECONDS
from tests.standins.video_pages import UPLOADER
from tests.standins.video_site import VideoSite

HOSTILE = '</script>/\x00"<b>\u202e\U0001f600'


def test_a_watch_page_gives_its_facts(site: VideoSite, read: Read) -> None:
    facts = read(site.url("/watch/small.mp4?thumbnail=1&chapters=1&date=2024-02-29&rate=9000000"))
    assert (facts["id"], facts["title"], facts["uploader"]) == ("small", "The small film", UPLOADER)
    assert (facts["upload_date"], facts["duration"]) == ("20240229", SECONDS)
    assert facts["url"] == site.url("/small.mp4?rate=9000000")
    assert facts["thumbnail"] == site.url("/picture.jpg?rate=9000000")
    assert [chapter["title"] for chapter in facts["chapters"]] == ["Start", "Middle", "End"]


def test_a_watch_page_says_any_title_and_uploader(site: VideoSite, read: Read) -> None:
    facts = read(site.url(f"/watch/small.mp4?title={quote(HOSTILE)}&uploader=../up"))
    assert (facts["title"], facts["uploader"]) == (HOSTILE, "../up")


def test_what_follows_the_name_of_the_file_is_the_id(site: VideoSite, read: Read) -> None:
    assert read(site.url("/watch/small.mp4/%2E%2E%2Fetc.html"))["id"] == "../etc"


def test_open_graph_tags_give_title_picture_and_file(site: VideoSite, read: Read) -> None:
    facts = read(site.url("/og/small.mp4?title=%3Cb%3E%22x%22"))
    assert (facts["title"], facts["url"]) == ('<b>"x"', site.url("/small.mp4"))
    assert facts["thumbnail"] == site.url("/picture.jpg")


def test_a_player_has_two_qualities_and_two_languages(site: VideoSite, read: Read) -> None:
    facts = read(site.url("/html5.html"))
    assert [(one["height"], one["url"]) for one in facts["formats"]] == [
        (180, site.url("/small.mp4")),
        (360, site.url("/large.mp4")),
    ]
    assert {language: tracks[0]["url"] for language, tracks in facts["subtitles"].items()} == {
        "en": site.url("/subs/en.vtt"),
        "de": site.url("/subs/de.vtt"),
    }


def test_any_address_can_stand_in_a_page(site: VideoSite, read: Read) -> None:
    other = site.url("/hls/segment00.ts?a=1&b=2")
    asked = quote(other, safe="")
    assert read(site.url(f"/html5.html?tracks={asked}"))["subtitles"]["en"][0]["url"] == other
    assert read(site.url(f"/html5.html?content={asked}"))["formats"][-1]["url"] == other
    assert read(site.url(f"/og/small.mp4?content={asked}"))["url"] == other
    assert read(site.url(f"/watch/small.mp4?content={asked}"))["url"] == other
    assert read(site.url(f"/watch/small.mp4?thumb_url={asked}"))["thumbnail"] == other


def test_a_page_and_its_media_refuse_apart(site: VideoSite, read: Read, fetch: Fetch) -> None:
    with pytest.raises(DownloadError, match="Unable to download webpage: HTTP Error 429"):
        read(site.url("/og/small.mp4?status_page=429"))
    assert read(site.url("/og/small.mp4?status=404"))["title"] == "The small film"
    with pytest.raises(DownloadError, match="unable to download video data: HTTP Error 404"):
        fetch(site.url("/og/small.mp4?status=404"))


def test_only_members_see_page_and_file(site: VideoSite, read: Read, fetch: Fetch) -> None:
    with pytest.raises(DownloadError, match="HTTP Error 401"):
        read(site.url("/watch/members/small.mp4"))
    headers = {"Cookie": "a=b; session=open"}
    [file] = fetch(site.url("/watch/members/small.mp4"), http_headers=headers)
    assert file.read_bytes() == site.file("/small.mp4").read_bytes()
    assert site.requests[-1].path == "/members/small.mp4"
    assert "session=open" in str(site.requests[-1].cookie)
