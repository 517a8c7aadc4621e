"""The corpus: how an address of this machine can be written, and every way that leads a download to an address."""

import itertools
from dataclasses import dataclass
from urllib.parse import quote

from pipelines.integrations.ytdlp.client import Wanted

# By {four} and {six} stand the ports of the canaries.
LITERALS = {
    "dotted": "http://127.0.0.1:{four}",
    "decimal": "http://2130706433:{four}",
    "octal": "http://0177.0.0.1:{four}",
    "hex": "http://0x7f000001:{four}",
    "short": "http://127.1:{four}",
    "six": "http://[::1]:{six}",
    "mapped": "http://[::ffff:127.0.0.1]:{four}",
    "any": "http://0.0.0.0:{four}",
    "localhost": "http://localhost:{four}",
    "dot": "http://localhost.:{four}",
    "https": "https://127.0.0.1:{four}",
}
NAMES = {
    "inside": "http://inside.test:{four}",
    "mixed": "http://mixed.test:{four}",
}
FORMS = LITERALS | NAMES


@dataclass(frozen=True)
class Way:
    """A page of the video site that names an address and so leads to `target` there; without one, it is asked for."""

    page: str
    target: str
    live: bool = False
    subtitles: tuple[str, ...] = ()

    def wanted(self, site: str, there: str) -> Wanted:
        """The download that starts at `site` and is led to `there`; both are an address without a path."""
        address = there + self.target
        url = site + self.page.format(quote(address, safe=""), site=site) if self.page else address
        return Wanted(url, live=self.live, subtitles=self.subtitles)


_HLS, _SEGMENT, _KEY = "/hls/custom.m3u8", "/hls/segment01.ts", "/hls/key.bin"
_ENTRIES = "/rss.xml?items=3&address={}"

WAYS = {
    "direct": Way("", "/watch/small.mp4"),
    "redirect": Way("/redirect?to={}", "/watch/small.mp4"),
    "moved": Way("/watch/small.mp4?content={site}/redirect?to={}", "/small.mp4"),
    "content": Way("/watch/small.mp4?content={}", "/small.mp4"),
    "og": Way("/og/small.mp4?content={}", "/small.mp4"),
    "segment": Way(_HLS + "?segment={}", _SEGMENT),
    "live": Way(_HLS + "?live=1&segment={}", _SEGMENT, live=True),
    "live-key": Way(_HLS + "?live=1&key={}", _KEY, live=True),
    "key": Way(_HLS + "?key={}", _KEY),
    "sample-aes": Way(_HLS + "?method=SAMPLE-AES&key={}", _KEY),
    "map": Way(_HLS + "?map={}", "/dash/init-stream0.m4s"),
    "nested": Way(_HLS + "?nested={}", "/hls/media.m3u8"),
    "dash": Way("/dash/custom.mpd?base={}", "/dash/"),
    "entry": Way(_ENTRIES, "/small.mp4"),
    "thumbnail": Way("/watch/small.mp4?thumb_url={}", "/picture.jpg"),
    "subtitles": Way("/html5.html?tracks={}", "/subs/en.vtt", subtitles=("en",)),
}
# Those that ask more than once, so that a name can change its mind in between.
REBINDING = ("direct", "redirect", "moved", "content", "segment", "live", "nested", "dash", "entry")

_FORMS_OF_A_WAY = 4


@dataclass(frozen=True)
class Case:
    """One way to one address, `there`, which is written in the form of that name."""

    way: str
    form: str
    there: str

    def __str__(self) -> str:
        return f"{self.way}-{self.form}"


def cases() -> list[Case]:
    """Each way with the next few forms in turn, and where that can be with a rebinding name of its own."""
    turns = zip(
        (way for way in WAYS for _ in range(_FORMS_OF_A_WAY)), itertools.cycle(FORMS.items()), strict=False
    )
    return [
        *(Case(way, form, there) for way, (form, there) in turns),
        *(Case(way, "rebinding", f"http://{way}.rebinding.test:{{four}}") for way in REBINDING),
    ]
