"""Films in fragments go on exactly where they stopped, wherever their process was killed.

yt-dlp appends each fragment to the film, then writes down its number. Killed in between, it would append the
fragment again; killed while it writes, or after it has removed the number, all of them. So the number is written
together with the film's length, in one step, and what the film has beyond that is cut off before it goes on.
"""

import json
import os
from typing import Any

from yt_dlp.downloader.fragment import FragmentFD


def install() -> None:
    """From here on, for all downloads of this process."""
    prepare = FragmentFD._prepare_frag_download

    def cut_and_prepare(self: Any, ctx: dict[str, Any]) -> None:
        if not ctx.get("live"):
            _cut(self.temp_name(ctx["filename"]), self.ytdl_filename(ctx["filename"]))
        prepare(self, ctx)

    FragmentFD._prepare_frag_download = cut_and_prepare
    FragmentFD._write_ytdl_file = _note


def _cut(film: str, note: str) -> None:
    """Shorten the film to what is noted; yt-dlp begins an empty one anew."""
    if not os.path.isfile(film):
        return
    try:
        with open(note, encoding="utf-8") as file:
            length = int(json.load(file)["length"])
    except (OSError, ValueError, KeyError, TypeError):
        length = 0
    os.truncate(film, length if length <= os.path.getsize(film) else 0)


def _note(self: Any, ctx: dict[str, Any]) -> None:
    """Write what yt-dlp will read, and the length."""
    film = ctx.get("dest_stream")
    downloader = {"current_fragment": {"index": ctx["fragment_index"]}}
    downloader |= {name: ctx[name] for name in ("extra_state", "fragment_count") if ctx.get(name) is not None}
    name = self.ytdl_filename(ctx["filename"])
    with open(f"{name}.new", "w", encoding="utf-8") as file:
        json.dump({"downloader": downloader, "length": film.tell() if film else 0}, file)
    os.replace(f"{name}.new", name)
