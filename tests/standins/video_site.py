"""A video site on this machine that can also be slow, stall, cut off, lie, lead astray and refuse.

Media: /small.mp4 (1 MB) /large.mp4 (13 MB) /audio.m4a /picture.jpg /subs/en.vtt /subs/de.vtt,
/hls/master.m3u8 /hls/media.m3u8 /hls/encrypted.m3u8 (AES-128, /hls/key.bin) /hls/hole.m3u8 (the middle
segment is missing) /dash/manifest.mpd, /live/media.m3u8 and /endless.mp4 (never end; `length=` claims one).
/members/<file> answers 401 without the cookie session=open. /wronglength/<file>?claim=<bytes> lies.

Pages: /watch/<file> (JSON-LD), /og/<file> (Open Graph), /html5.html (two qualities, two subtitles),
/several.html (two videos), /plain.html (none), /rss.xml?items= (files), /feed/links.xml?items= (pages).
Behind the file's name may come a slash and the id that clients shall see: /watch/small.mp4/<id>.
/redirect?to=<url>&status=<code> and /loop send on.

The query of a media address says how it behaves; a playlist hands its query on to its segments, and
`only=<part of a path>` limits it to some of them:

    rate=<bytes/s>      stall_at=<offset>  stall_once=<token>    status=<code>  retry_after=<text>
    gate=<name>         cut_at=<offset>    cut_once=<token>      status_once=<token>
    noranges=1          nolength=1         claim=<bytes>

A page also hands its query on, but for its own words. It refuses or waits itself by

    status_page=<code>  status_page_once=<token>  retry_after=<text>  gate_page=<name>

and tells what these say (any text, any absolute address):

    watch, og, html5    title= thumb_url= content=
    watch               uploader= date= description= thumbnail=1 chapters=1
    html5               tracks=<url of the English subtitles>
    feeds               items= title= guid= (with {} for the number) address=<url of the second item> dates=0
    /hls/custom.m3u8    segment=<url of every second> key= method=AES-128|SAMPLE-AES map= nested= live=1
    /dash/custom.mpd    base=<url>

A gate holds the body at the middle of the file until it is opened. An `_once` token makes the fault
happen at the first request that gets there. (A client that only looks at the first bytes may have
400 kB pushed to it: put offsets behind that.) /_log tells the requests as JSON, /_open?gate= opens.
"""

import argparse
import contextlib
import json
import threading
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from tests.standins.video_answers import Handler, Server
from tests.standins.video_backstage import Backstage
from tests.standins.video_behaviour import Request


class VideoSite(Backstage):
    """The site as a context manager."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__()
        self._server = Server((host, port), Handler)
        self._server.site = self
        self.base = f"http://{host}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return self.base + path


def requests_over_http(base: str) -> list[Request]:
    """The log of a site that runs in another process."""
    with urlopen(f"{base}/_log", timeout=10) as answer:
        return [Request(**entry) for entry in json.load(answer)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="video_site", description="A video site for tests and the demo.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    chosen = parser.parse_args()
    with VideoSite(chosen.host, chosen.port) as site:
        print(site.base, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
