"""From yt-dlp's hooks to the progress of the whole download.

The hooks fire up to thousands of times a second and start at zero for each stream (picture, then
sound); a report goes out four times a second at most and never goes back.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.integrations.ytdlp.messages import Moved

GAP_SECONDS = 0.25
# What remains is for joining, checking and publishing.
MOST_PERCENT = 99.0


class Progress:
    """Collects what is known; `send` gets each report that is due."""

    def __init__(self, send: Callable[[Moved], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._sent_at = float("-inf")
        self._weights: list[float] = [1.0]
        self._total: int | None = None
        self._bytes: dict[str, int] = {}
        self._percent: float | None = None
        self.stage = ""

    def enter(self, stage: str) -> None:
        """A new stage goes out at once; told twice, it is told once."""
        if stage != self.stage:
            self.stage = stage
            self._sent_at = self._clock()
            self._send(Moved(self._percent, stage, None, None, None, None))

    def expect(self, info: Mapping[str, Any]) -> None:
        """Which streams will come, in order, and how large they are if the site says."""
        streams = info.get("requested_formats") or [info]
        known = ([stream.get(key) for stream in streams] for key in ("filesize", "filesize_approx", "tbr"))
        self._weights = next(([float(n) for n in row] for row in known if all(row)), [1.0] * len(streams))
        sizes = [stream.get("filesize") for stream in streams]
        self._total = sum(sizes) if all(sizes) else None

    def downloading(self, hook: Mapping[str, Any]) -> None:
        """One call of yt-dlp's progress hook."""
        over = hook.get("status") == "finished"
        name = str(hook.get("filename"))
        self._bytes[name] = int(hook.get("downloaded_bytes") or (over and hook.get("total_bytes")) or 0)
        self._grow(list(self._bytes).index(name), 1.0 if over else _fraction(hook))
        self.enter("downloading")
        if self._clock() - self._sent_at >= GAP_SECONDS:
            self._sent_at = self._clock()
            self._send(self._report(hook))

    def _grow(self, stream: int, fraction: float | None) -> None:
        if fraction is None or stream >= len(self._weights):
            return
        before, own, whole = sum(self._weights[:stream]), self._weights[stream], sum(self._weights)
        percent = round(MOST_PERCENT * (before + own * min(fraction, 1.0)) / whole, 2)
        self._percent = max(percent, self._percent or 0.0)

    def _report(self, hook: Mapping[str, Any]) -> Moved:
        done, single = sum(self._bytes.values()), len(self._weights) == 1
        total = hook.get("total_bytes") if single else self._total
        rate, wait = hook.get("speed"), hook.get("eta") if single else None
        if total and rate:
            wait = max(total - done, 0) / rate
        return Moved(self._percent, self.stage, done, total, _rounded(rate), _rounded(wait))

    def checking(self, done: int, total: int) -> None:
        """Bytes of the finished file that have been read again."""
        self.enter("checking")
        if self._clock() - self._sent_at >= GAP_SECONDS:
            self._sent_at = self._clock()
            self._send(Moved(self._percent, "checking", done, total, None, None))


def _fraction(hook: Mapping[str, Any]) -> float | None:
    """How much of one stream is there; by fragments if there are any, for their sizes are guesses."""
    if hook.get("fragment_count"):
        return float((hook.get("fragment_index") or 0) / hook["fragment_count"])
    total = hook.get("total_bytes") or hook.get("total_bytes_estimate")
    return float((hook.get("downloaded_bytes") or 0) / total) if total else None


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(float(number), 1)
