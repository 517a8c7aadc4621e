"""`name=value` words become the JSON that a kind's schema asks for."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from app.cli.values import WrongValue, read_params, read_time
from pipelines.registry import KINDS


class Colour(BaseModel):
    red: int


class Params(BaseModel):
    """One parameter of each sort that a kind may declare."""

    model_config = ConfigDict(extra="forbid")

    title: str
    count: int = 1
    ratio: float = 0.5
    embed: bool = False
    mode: Literal["video", "audio"] = "video"
    only: Literal["this"] = "this"
    languages: list[str] = Field(default_factory=list)
    seasons: list[int] | None = None
    section: str | None = None
    key: int | str | None = None
    colour: Colour | None = None


SCHEMA = Params.model_json_schema()


def read(*words: str) -> dict[str, Any]:
    return read_params(("title=x", *words), SCHEMA)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("count=3", 3),
        ("count=-3", -3),
        ("ratio=0.25", 0.25),
        ("embed=true", True),
        ("embed=no", False),
        ("mode=audio", "audio"),
        ("languages=en,de", ["en", "de"]),
        ("languages=en, de,", ["en", "de"]),
        ("languages=", []),
        ("seasons=1,2", [1, 2]),
        ("section=3", "3"),
        ("section=", None),
        ("key=12", 12),
        ("key=twelve", "twelve"),
        ('colour={"red": 1}', {"red": 1}),
    ],
)
def test_a_value_gets_the_type_that_the_schema_names(word: str, value: object) -> None:
    name = word.partition("=")[0]
    params = read(word)
    assert params[name] == value and type(params[name]) is type(value)
    Params.model_validate(params)


def test_only_the_first_equals_sign_divides() -> None:
    assert read_params(("title=https://x.test/?a=b&c=d",), SCHEMA) == {"title": "https://x.test/?a=b&c=d"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("count=three",), "count: 'three' is not a whole number"),
        (("ratio=half",), "ratio: 'half' is not a number"),
        (("embed=perhaps",), "embed: 'perhaps' is neither true nor false"),
        (("mode=both",), "mode: 'both' is none of video, audio"),
        (("only=that",), "only: 'that' is none of this"),
        (("seasons=1,x",), "seasons: 'x' is not a whole number"),
        (("colour=[1]",), "colour: is not a JSON object"),
        (("size=3",), "there is no parameter 'size'; there are: title, count"),
        (("count",), "'count': write name=value"),
        (("count=1", "count=2"), "count: given twice"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_possible(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(WrongValue) as caught:
        read(*words)
    assert str(caught.value).startswith(said)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(WrongValue, match="missing: title=…"):
        read_params((), SCHEMA)


def test_a_playlist_can_be_asked_for_with_all_that_a_download_takes() -> None:
    words = ("url=https://x.test/list?v=1", "subtitles=en,de", "embed=true", "items=1:3", "quality=720")
    params = read_params(words, KINDS["download"].params.model_json_schema())
    assert params == {
        "url": "https://x.test/list?v=1",
        "subtitles": ["en", "de"],
        "embed": True,
        "items": "1:3",
        "quality": "720",
    }
    KINDS["download"].params.model_validate(params)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_can_be_given_on_the_command_line(kind: Any) -> None:
    schema = kind.params.model_json_schema()
    words = tuple(f"{name}=https://x.test/v.mp4" for name in schema.get("required", []))
    kind.params.model_validate(read_params(words, schema))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z"),
        ("2026-11-20T12:00:00+02:00", "2026-11-20T10:00:00Z"),
    ],
)
def test_a_time_with_a_zone_is_told_in_utc(text: str, said: str) -> None:
    assert read_time(text) == said


def test_a_time_without_a_zone_is_this_machines() -> None:
    local = datetime(2026, 11, 20, 12, 0).astimezone(UTC)
    assert read_time("2026-11-20 12:00") == f"{local:%Y-%m-%dT%H:%M:%SZ}"


def test_a_time_may_be_counted_from_now() -> None:
    ahead = (datetime.fromisoformat(read_time("+30m")) - datetime.now(UTC)).total_seconds()
    assert 1790 < ahead <= 1800


@pytest.mark.parametrize("text", ["", "+", "+m", "+3", "soon", "+99999999999d", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        read_time(text)
