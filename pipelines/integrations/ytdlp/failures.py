"""What the child saw go wrong -> what the job does about it: a table, and the words for the owner.

Only here and in the child is the text of yt-dlp read; nothing of it goes further than this.
"""

import email.utils
import errno
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.errors import Category, GiveUp, JobError, TryAgain
from pipelines.integrations.ytdlp.messages import Trouble

LONGEST_WAIT = 24 * 3600.0

_UPDATE = "If it goes on, update yt-dlp: sites change often."
_CHECK = "Open the address in a browser and check that the video plays there."
_SIGN_IN = "If you have an account there, store your cookies of this site, then retry."
_FFMPEG = "Install ffmpeg (with ffprobe) on the machine that downloads."
_ROOM = "Make room on the disk that holds the media, then retry."


@dataclass(frozen=True)
class Answer:
    """One row of the table: the error to raise, but for what only the case knows."""

    again: bool
    code: str
    message: str
    advice: str = ""
    category: Category | None = None

    def error(self, after: float | None = None, host: str = "") -> JobError:
        category = self.category or ("temporary" if self.again else "permanent")
        if self.again:
            return TryAgain(
                self.code, self.message, advice=self.advice, category=category, after=after, host=host
            )
        return GiveUp(self.code, self.message, advice=self.advice, category=category)


UNSUPPORTED = Answer(
    False, "unsupported_url", "There is no video at this address that we can download.", _CHECK
)
SIGN_IN = Answer(False, "sign_in_required", "The site shows this video only to people who signed in.",
                 _SIGN_IN, "auth")  # fmt: skip
NOT_FOUND = Answer(False, "not_found", "The video does not exist, or no longer does.", _CHECK)
RATE = Answer(True, "rate_limited", "The site asks us to slow down.", "", "rate")
REFUSED = Answer(True, "refused", "The site refused to hand out the video file.", _UPDATE)
SITE_ERROR = Answer(True, "site_error", "The site answered with an error of its own.")
INCOMPLETE = Answer(True, "incomplete", "The video did not arrive complete.")
NETWORK = Answer(True, "network", "The connection to the site failed.")
BOT = Answer(True, "bot_check", "The site wants to be sure that a person is asking.",
             "Wait a while, or store your cookies of this site.", "auth")  # fmt: skip
BLOCKED = Answer(False, "blocked_address", "The address leads to a place that downloads may not reach.",
                 "If it is meant to be reached, the owner can allow it (MEDIANEST_EGRESS_ALLOW).")  # fmt: skip
NO_PROXY = Answer(True, "network", "The way out for downloads could not be opened.", "", "local")
STALLED = Answer(True, "stalled", "The download stood still for too long.")
DISK_FULL = Answer(True, "disk_full", "The disk is full.", _ROOM, "local")
STAGING = Answer(True, "staging_unusable", "The staging directory cannot be used.",
                 "Check that it exists and that MediaNest may write to it.", "local")  # fmt: skip
NO_FFMPEG = Answer(False, "ffmpeg_missing", "This video cannot be finished without ffmpeg.", _FFMPEG, "local")
NO_PROBE = Answer(False, "ffmpeg_missing", "Without ffprobe nobody can tell whether the file plays.",
                  _FFMPEG, "local")  # fmt: skip
PROCESSING = Answer(True, "processing_failed", "Putting the downloaded streams together failed.", _UPDATE)
NO_SOUND = Answer(False, "unsupported_url", "The video has no sound that could be extracted.")
ELSEWHERE = Answer(False, "unavailable_here", "The site does not show this video in this country.")
PROTECTED = Answer(False, "protected", "The video is protected against copying.")
TOO_LARGE = Answer(False, "too_large", "The video is larger than downloads may be.",
                   "Choose a lower quality.")  # fmt: skip
TOO_LONG = Answer(False, "too_slow", "The download took longer than downloads may.",
                  "Choose a lower quality, or try when the site is faster.")  # fmt: skip
SEVERAL = Answer(False, "unsupported_url", "The address leads to several videos.",
                 "Give the address of one video.")  # fmt: skip
LIVE = Answer(False, "live_refused", "This is a live broadcast; only finished videos are downloaded.",
              "Try again once the broadcast is over.")  # fmt: skip
NO_FENCE = Answer(False, "unsupported_url", "This broadcast comes over https, which is not safe to record here.",
                  "The machine that downloads needs Linux 6.7 or later (Landlock).", "local")  # fmt: skip
DIED = Answer(True, "download_process_died", "The process that downloads ended without a word.")
LOCKED = Answer(True, "staging_locked", "An older run of this job still holds its files.")
UNKNOWN = Answer(True, "download_failed", "The download failed.", _UPDATE)

# What the child refuses or finds out by itself.
WORDS = {
    "several": SEVERAL,
    "live": LIVE,
    "nothing": UNSUPPORTED,
    "not_media": UNSUPPORTED,
    "incomplete": INCOMPLETE,
    "no_probe": NO_PROBE,
    "no_fence": NO_FENCE,
}

_NETWORK_NAMES = {
    "TransportError", "ProxyError", "SSLError", "CertificateVerifyError", "TimeoutError", "gaierror",
    "ConnectionRefusedError", "ConnectionResetError", "ConnectionAbortedError", "RemoteDisconnected",
}  # fmt: skip

# By class of the error or of a cause, else by what the text says; the first row that fits.
_NAMES: tuple[tuple[set[str], Answer], ...] = (
    ({"GeoRestrictedError"}, ELSEWHERE),
    ({"UnsupportedError", "NoSupportingHandlers"}, UNSUPPORTED),
    ({"IncompleteRead", "ContentTooShortError"}, INCOMPLETE),
    (_NETWORK_NAMES, NETWORK),
)
_TEXTS: tuple[tuple[str, Answer], ...] = (
    (r"not available (in|from) your (country|location)|geo.?restrict", ELSEWHERE),
    (r"DRM protected|has DRM", PROTECTED),
    (r"live event will begin|premieres in|live stream is offline", LIVE),
    (r"not a (ro)?bot|captcha", BOT),
    (r"sign in|log ?in required|requires? (a )?(log ?in|account)|registered users", SIGN_IN),
    (r"use --cookies|members.only|private video", SIGN_IN),
    (r"video (is )?unavailable|has been removed|no longer available|does not exist", NOT_FOUND),
    (r"unsupported url|is not a valid url|urls are disabled|skipped for safety", UNSUPPORTED),
    (r"ffmpeg (is )?not (installed|found)|ffprobe and ffmpeg not found", NO_FFMPEG),
    (r"unable to obtain file audio codec", NO_SOUND),
    (r"postprocessing:|conversion failed", PROCESSING),
    (r"bytes, expected|more expected|content too short", INCOMPLETE),
    (r"file is empty|data blocks|fragment \d+ not found", INCOMPLETE),
    (r"timed out|connection (refused|reset|aborted)|name resolution|not known", NETWORK),
    (r"remote end closed|unreachable|\[ssl", NETWORK),
)

# The egress proxy's answers for a server that it cannot reach.
_PROXY_SAYS = re.compile(r"50[24]:? (Connection failed|Connection timed out|Name not resolved)")

_LOCAL_ERRNO = {errno.ENOSPC: DISK_FULL, errno.EDQUOT: DISK_FULL, errno.EFBIG: DISK_FULL,
                errno.EACCES: STAGING, errno.EPERM: STAGING, errno.EROFS: STAGING, errno.EIO: STAGING}  # fmt: skip


def judge(trouble: Trouble, clock: Callable[[], float] = time.time) -> JobError:
    """The error that the job's runner understands; `clock` tells the Unix time."""
    if trouble.word in WORDS:
        return WORDS[trouble.word].error()
    local = of_errno(_errno(trouble))
    # A firewall says "permission denied" too.
    if local is not None and not _NETWORK_NAMES & set(trouble.names):
        return local.error()
    if _PROXY_SAYS.search(trouble.text):
        return NETWORK.error()
    status = _status(trouble)
    if status is not None:
        return _by_status(status, trouble).error(wait_of(trouble.retry_after, clock), trouble.host)
    return _by_name_or_text(trouble).error()


def of_errno(number: int | None) -> Answer | None:
    """What an error of the operating system means here, if it is one of the disk."""
    return _LOCAL_ERRNO.get(number or 0)


def wait_of(retry_after: str | None, clock: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait by a Retry-After header (a number or a date), at most a day."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after), LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(retry_after).timestamp()
    except ValueError:
        return None
    return min(max(until - clock(), 0.0), LONGEST_WAIT)


def _by_status(status: int, trouble: Trouble) -> Answer:
    """An HTTP status; while the file itself is fetched, 403 and missing parts mend with a new look."""
    fetching = trouble.stage != "extracting"
    if status == 429:
        return RATE
    if status in (401, 402, 403, 407):
        return REFUSED if fetching else SIGN_IN
    if status in (404, 410):
        # "Got error" is what yt-dlp says of a fragment.
        return INCOMPLETE if fetching and "Got error" in trouble.text else NOT_FOUND
    if status == 416:
        return INCOMPLETE
    if status == 451:
        return ELSEWHERE
    if status in (408, 425) or status >= 500:
        return SITE_ERROR
    return UNSUPPORTED if status < 500 and not fetching else REFUSED


def _by_name_or_text(trouble: Trouble) -> Answer:
    for names, answer in _NAMES:
        if names & set(trouble.names):
            return answer
    # An address may hold any of the words.
    text = re.sub(r"\w+://\S+", "", trouble.text)
    for words, answer in _TEXTS:
        if re.search(words, text, re.IGNORECASE):
            return answer
    return UNKNOWN


def _status(trouble: Trouble) -> int | None:
    if trouble.status is not None:
        return trouble.status
    said = re.search(r"HTTP Error (\d{3})", trouble.text)
    return int(said[1]) if said else None


def _errno(trouble: Trouble) -> int | None:
    said = re.search(r"\[Errno (\d+)\]", trouble.text)
    if trouble.errno is None and "no space left on device" in trouble.text.lower():
        return errno.ENOSPC
    return int(said[1]) if said and trouble.errno is None else trouble.errno
