"""What can be asked of a download. Of an address only its form and a literal in it are judged here, never DNS."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from config.settings import settings
from pipelines.integrations.egress.address import Allowed, key, refusal
from pipelines.kind import STORED

# With this, extractors of yt-dlp hand words on to each other.
_SMUGGLED = "__youtubedl_smuggle"


def allowed() -> Allowed:
    """What downloads may reach besides public addresses, by the owner's will."""
    return frozenset(key(host, port) for host, port in settings().egress_allow)


def _web_address(text: str, info: ValidationInfo) -> str:
    if info.context is STORED:  # a playlist may name anything; its entry then fails
        return text
    text = text.strip()
    reason = refusal(text, allowed())
    if reason is not None:
        raise ValueError(reason)
    if any(ord(character) < 33 for character in text):
        raise ValueError("must not contain spaces")
    if _SMUGGLED in text:
        raise ValueError("is not a web address")
    return text


def _window(items: str) -> str:
    first, _, last = items.partition(":")
    if int(first or 1) < 1 or (last and int(last) < int(first or 1)):
        raise ValueError("must lead from a lower to a higher place, counted from 1")
    return items


Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Window = Annotated[
    str, Field(pattern=r"^([0-9]{1,6}|[0-9]{0,6}:[0-9]{1,6}|[0-9]{1,6}:)$"), AfterValidator(_window)
]


class Params(BaseModel):
    """What to download and how; a directly served file stays as it is, unless tags shall go inside."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=4096, title="Video address"), AfterValidator(_web_address)]
    mode: Literal["video", "audio"] = "video"
    quality: Literal["best", "2160", "1440", "1080", "720", "480"] = "best"
    container: Literal["mp4", "mkv"] = "mp4"
    subtitles: Annotated[list[Language], Field(max_length=10)] = Field(
        default=[], description="Languages, such as en."
    )
    embed: bool = Field(
        default=False, description="Put tags, chapters, subtitles and picture inside the file."
    )
    items: Window | None = Field(default=None, description="Which entries of a playlist, such as 1:50.")

    @property
    def source(self) -> str:
        """Where the video comes from: its address, or its place in a list."""
        return self.url if self.items is None else f"{self.url}#{self.items}"
