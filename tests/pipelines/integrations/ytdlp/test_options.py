from typing import Any

import pytest

from pipelines.integrations.ytdlp.messages import Order, Wanted
from pipelines.integrations.ytdlp.options import container_for, for_order, served_directly


def options(mode: str = "video", quality: str = "best", container: str = "mp4") -> dict[str, Any]:
    return for_order(
        Order(Wanted("http://example.org/", mode, quality, container), "/staging/7", "/bin/ffmpeg", None)
    )


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
    assert chosen["postprocessors"][0]["key"] == "FFmpegExtractAudio"
    assert chosen["postprocessors"][0]["preferredcodec"] == "best"
    assert options()["postprocessors"] == []


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
