from typing import Any

import pytest

from pipelines.integrations.ytdlp.child import Download
from pipelines.integrations.ytdlp.messages import Order, Wanted
from pipelines.integrations.ytdlp.options import container_for, for_order, served_directly, steps_after
from pipelines.integrations.ytdlp.progress import Progress


def order(**wishes: Any) -> Order:
    return Order(Wanted("http://example.org/", **wishes), "/staging/7", "/bin/ffmpeg", None, proxy_port=8888)


def options(**wishes: Any) -> dict[str, Any]:
    return for_order(order(**wishes), fenced=False)


def test_the_file_name_is_fixed_and_stays_in_the_directory_of_the_job() -> None:
    assert options()["outtmpl"] == {"default": "media.%(ext)s"}
    assert options()["paths"] == {"home": "/staging/7"}


def test_broken_connections_are_retried_and_missing_fragments_are_errors() -> None:
    assert (options()["retries"], options()["fragment_retries"]) == (10, 10)
    assert options()["skip_unavailable_fragments"] is False
    assert max(options()["retry_sleep_functions"]["http"](n) for n in range(11)) <= 1.0


def test_local_files_and_searches_are_off() -> None:
    assert options()["enable_file_urls"] is False
    assert options()["default_search"] == "error"
    assert options()["noplaylist"] is True


LIVE = {"url": "https://a.example/live.m3u8", "protocol": "m3u8_native", "is_live": True}


@pytest.mark.parametrize(
    ("info", "needs"),
    [
        (LIVE, True),
        ({**LIVE, "url": "http://a.example/live.m3u8"}, False),
        ({**LIVE, "is_live": False}, False),
        ({"url": "https://a.example/film.mp4", "protocol": "https"}, False),
        ({"is_live": True, "requested_formats": [{**LIVE, "is_live": None}]}, False),
        ({"is_live": True, "requested_formats": [{"url": LIVE["url"], "protocol": "m3u8_native"}]}, True),
    ],
)
def test_what_ffmpeg_would_fetch_over_https_needs_the_fence(info: dict[str, Any], needs: bool) -> None:
    download = Download(order(live=True), Progress(lambda _: None), lambda _: None, fenced=False)
    assert download._needs_fence(info) == needs


def test_the_address_is_no_option() -> None:
    assert "example.org" not in str(options())


@pytest.mark.parametrize("quality", ["2160", "1440", "1080", "720", "480"])
def test_a_quality_is_a_wish_for_a_height(quality: str) -> None:
    assert f"res:{quality}" in options(quality=quality)["format_sort"]


def test_the_best_in_mkv_leaves_the_order_to_yt_dlp() -> None:
    assert options(container="mkv")["format_sort"] == []


def test_audio_takes_the_best_sound_and_keeps_its_codec() -> None:
    chosen = options(mode="audio")
    assert chosen["format"] == "bestaudio/best"
    (step,) = steps_after(order(mode="audio"), {"protocol": "https", "ext": "mp4"})
    assert (step[0], step[1]["preferredcodec"]) == ("FFmpegExtractAudio", "best")
    assert steps_after(order(), {"protocol": "https", "ext": "mp4"}) == []


@pytest.mark.parametrize(
    ("info", "container"),
    [
        ({"protocol": "https"}, None),
        ({"protocol": "m3u8_native"}, "mkv"),
        ({"protocol": "http_dash_segments"}, "mkv"),
        # Two streams are joined in the wanted container anyway.
        ({"protocol": "https+https", "requested_formats": [{}, {}]}, None),
    ],
)
def test_only_streams_change_their_container(info: dict[str, Any], container: str | None) -> None:
    assert container_for(Wanted("http://example.org/", "video", "best", "mkv"), info) == container


def test_two_files_to_join_are_not_one_served_directly() -> None:
    assert served_directly({"protocol": "https"})
    assert not served_directly({"protocol": "https", "requested_formats": [{}, {}]})


def test_everything_goes_through_the_proxy_ffmpeg_as_well() -> None:
    assert options()["proxy"] == "http://127.0.0.1:8888"
    (whitelist,) = (words[1] for words in options()["external_downloader_args"].values())
    assert not {"file", "udp", "rtmp", "rtsp", "ftp", "concat", "pipe", "unix"} & set(whitelist.split(","))


def test_cookies_never_touch_the_disk() -> None:
    assert "cookiefile" not in options()
    assert options(cookies="# Netscape HTTP Cookie File\n")["cookiefile"].read().startswith("# Netscape")


def test_a_language_is_no_pattern() -> None:
    assert options(subtitles=("en", "pt-BR"))["subtitleslangs"] == ["en", r"pt\-BR"]
    assert options()["writesubtitles"] is False


def test_tags_go_inside_only_if_that_is_wished_and_the_format_can_hold_them() -> None:
    names = [
        name
        for name, _ in steps_after(order(embed=True), {"protocol": "https", "ext": "mp4", "thumbnails": [1]})
    ]
    assert names == ["FFmpegThumbnailsConvertor", "FFmpegEmbedSubtitle", "FFmpegMetadata", "EmbedThumbnail"]
    plain = [name for name, _ in steps_after(order(embed=True), {"protocol": "https", "ext": "ts"})]
    assert plain == ["FFmpegMetadata"]


def test_chapters_go_into_a_video_that_is_put_together_anyway() -> None:
    chapters = {"chapters": [{"title": "One"}], "ext": "mp4"}
    assert steps_after(order(), {"protocol": "https", **chapters}) == []
    steps = steps_after(order(), {"protocol": "m3u8_native", **chapters})
    assert [name for name, _ in steps] == ["FFmpegVideoRemuxer", "FFmpegMetadata"]
