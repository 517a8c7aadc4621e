import errno
from typing import Any

import pytest

from pipelines.errors import GiveUp, TryAgain
from pipelines.integrations.ytdlp import failures
from pipelines.integrations.ytdlp.failures import judge, wait_of
from pipelines.integrations.ytdlp.messages import Trouble


def trouble(stage: str = "extracting", **facts: Any) -> Trouble:
    return Trouble(stage, **facts)


@pytest.mark.parametrize(
    ("seen", "code", "again", "category"),
    [
        (trouble(names=("DownloadError", "UnsupportedError")), "unsupported_url", False, "permanent"),
        (trouble(names=("NoSupportingHandlers",)), "unsupported_url", False, "permanent"),
        (trouble(text="file:// URLs are disabled by default"), "unsupported_url", False, "permanent"),
        (trouble(status=401), "sign_in_required", False, "auth"),
        (trouble(status=403), "sign_in_required", False, "auth"),
        (trouble(text="Sign in to confirm you're not a bot"), "bot_check", True, "auth"),
        (trouble(text="Sign in to confirm your age"), "sign_in_required", False, "auth"),
        (trouble(text="HTTP Error 502: Name not resolved", status=502), "network", True, "temporary"),
        (trouble(status=404), "not_found", False, "permanent"),
        (trouble(status=410), "not_found", False, "permanent"),
        (trouble(text="Video unavailable"), "not_found", False, "permanent"),
        (trouble(names=("GeoRestrictedError",)), "unavailable_here", False, "permanent"),
        (trouble(status=429), "rate_limited", True, "rate"),
        (trouble(status=500), "site_error", True, "temporary"),
        (trouble(names=("TransportError", "TimeoutError")), "network", True, "temporary"),
        (
            trouble(names=("TransportError", "ConnectionRefusedError"), errno=111),
            "network",
            True,
            "temporary",
        ),
        (trouble(names=("TransportError", "gaierror"), errno=-2), "network", True, "temporary"),
        (
            trouble(names=("TransportError", "PermissionError"), errno=errno.EACCES),
            "network",
            True,
            "temporary",
        ),
        (trouble("downloading", text="[download] Got error: timed out"), "network", True, "temporary"),
        (trouble("downloading", status=403), "refused", True, "temporary"),
        (trouble("downloading", status=404), "not_found", False, "permanent"),
        (
            trouble("downloading", text="Got error: HTTP Error 404: Not Found"),
            "incomplete",
            True,
            "temporary",
        ),
        (trouble("downloading", text="Got error: HTTP Error 503: Busy"), "site_error", True, "temporary"),
        (
            trouble("downloading", text="Downloaded 3 bytes, expected 9 bytes"),
            "incomplete",
            True,
            "temporary",
        ),
        (
            trouble("downloading", text="fragment 4 not found, unable to continue"),
            "incomplete",
            True,
            "temporary",
        ),
        (trouble("downloading", status=416), "incomplete", True, "temporary"),
        (
            trouble("downloading", text="unable to write data: [Errno 28] No space"),
            "disk_full",
            True,
            "local",
        ),
        (trouble("downloading", errno=errno.ENOSPC), "disk_full", True, "local"),
        (trouble("downloading", errno=errno.EACCES), "staging_unusable", True, "local"),
        (
            trouble("processing", text="Postprocessing: Conversion failed!"),
            "processing_failed",
            True,
            "temporary",
        ),
        (trouble("processing", text="Postprocessing: No space left on device"), "disk_full", True, "local"),
        (trouble("processing", text="Postprocessing: ffmpeg not found"), "ffmpeg_missing", False, "local"),
        (trouble("checking", word="no_probe"), "ffmpeg_missing", False, "local"),
        (trouble("checking", word="not_media"), "unsupported_url", False, "permanent"),
        (trouble("checking", word="incomplete"), "incomplete", True, "temporary"),
        (trouble(word="live"), "live_refused", False, "permanent"),
        (trouble(word="no_fence"), "unsupported_url", False, "local"),
        (trouble(word="several"), "unsupported_url", False, "permanent"),
        (trouble(names=("KeyError",), text="'x'"), "download_failed", True, "temporary"),
    ],
)
def test_each_trouble_has_a_reaction(seen: Trouble, code: str, again: bool, category: str) -> None:
    error = judge(seen)
    assert (error.code, error.category) == (code, category)
    assert isinstance(error, TryAgain if again else GiveUp)


def test_words_inside_an_address_mean_nothing() -> None:
    seen = trouble(text="ERROR: http://example.org/private video unavailable".replace(" ", "-"))
    assert judge(seen).code == "download_failed"


def test_nothing_of_what_the_other_side_said_reaches_the_owner() -> None:
    error = judge(trouble(text="secret http://example.org/?token=1 /staging/7/media.mp4", status=500))
    said = f"{error.message} {error.advice}"
    assert not any(word in said for word in ("secret", "example", "token", "staging"))


def test_every_answer_is_a_plain_sentence() -> None:
    answers = [value for value in vars(failures).values() if isinstance(value, failures.Answer)]
    assert len(answers) > 15
    for answer in answers:
        assert answer.message.endswith(".")
        assert not set("/\\{}<>") & set(answer.message + answer.advice)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("17", 17.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("999999999", failures.LONGEST_WAIT),
        ("soon", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str | None, seconds: float | None) -> None:
    assert wait_of(said, lambda: 100.0) == seconds
