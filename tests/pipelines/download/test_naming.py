"""Whatever strangers call their videos, the path is made of safe components and stays below its folder."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.download.naming import FORBIDDEN, LONGEST, RESERVED, Described, component, place

LONGEST_COMPANION = " (1234567).zh-Hans-en-orig-12345.ttml"

HOSTILE = [
    "",
    " ",
    ".",
    "..",
    "...",
    "../../../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/passwd",
    "/",
    "//",
    "~/.ssh/authorized_keys",
    "-rf",
    "--help",
    ".hidden",
    ".staging",
    ".lock",
    "a/../../b",
    "a\x00b",
    "\x00",
    "line\nbreak\r\n",
    "tab\tand \x1b[31mescape\x07",
    "\u202egpj.exe",
    "\u2066isolate\u2069\u200f",
    "zero\u200bwidth\ufeff",
    "\u2028\u2029\x85",
    "division\u2215slash\u29f8and\uff0ffriends\u2044",
    "back\uff3cslash\u2216\ufe68",
    "\uff0e\uff0e\uff0fetc",
    "\u2024\u2024\u2025",
    "con",
    "CON .txt",
    "NUL",
    "aux.mp4",
    "COM1",
    "com\u00b9",
    "LPT\u00b3.log",
    "conin$",
    "CON" + "." * 300,
    "trailing dots...",
    "trailing spaces   ",
    "C:\\x:stream",
    '*?"<>|',
    "\ud800lone\udfff",
    "\ud83d",
    "\ufffe\uffff\U0010ffff\ue000",
    "\u0301\u0301leading marks",
    "e\u0301" * 200,
    "e" + "\u0301" * 400,
    "\u00fc" * 300,
    "\u65e5" * 80,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 40,
    "\U0001f1e9\U0001f1ea" * 40,
    "x" * 5000,
    "x" * 199 + "\u00fc",
    "x" * 199 + "..",
    "\u3164\u115f\u2800",
    "\ufe0f",
    "S01E02",
    "{tmdb-1} {edition-x}",
    "[id]",
    "%(title)s %s $HOME `id`",
    "'; DROP TABLE job; --",
    "a (2)",
]


def described(
    title: str, media_id: str = "", uploader: str | None = None, day: str | None = None
) -> Described:
    return Described(title, media_id, uploader, day)


def assert_safe(part: str) -> None:
    assert part and part == unicodedata.normalize("NFC", part)
    assert len((part + LONGEST_COMPANION).encode()) <= 255
    assert not part.startswith((".", "-", "~", " ")) and not part.endswith((".", " "))
    assert not FORBIDDEN.search(part) and not set(part) & set('/\\:*?"<>|{}')
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in part)
    assert not unicodedata.category(part[0]).startswith("M")
    assert not RESERVED.match(part)


def assert_safe_path(path: PurePosixPath, ending: str = ".mp4") -> None:
    assert not path.is_absolute() and len(path.parts) == len(str(path).split("/")) >= 2
    for part in (*path.parts[:-1], path.name.removesuffix(ending)):
        assert_safe(part)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_becomes_safe_wherever_it_stands(text: str) -> None:
    assert_safe(component(text))
    assert component(component(text)) == component(text)
    for what in (
        described(text, text, text, "20260601"),
        described(text, "x1", "Ada", "20260601"),
        described("Film", text, None, "20260601"),
        described(text),
        described("Film", "x1", text, text),
    ):
        assert_safe_path(place(what, ".mp4"))


TEXTS = st.text(st.characters() | st.sampled_from(list("./\\ -~[]{}\u0301\u200d\ud800")), max_size=300)


@given(TEXTS)
@example("con." + "\u00fc" * 100)
@example("/\u0338<\u0338")
@example("e\u200d\u0301")
def test_any_text_is_made_one_safe_component_once_and_for_all(text: str) -> None:
    assert_safe(component(text))
    assert component(component(text)) == component(text)


@given(
    TEXTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS | st.dates().map(lambda day: f"{day:%Y%m%d}"), TEXTS
)
def test_any_video_has_its_place_below_the_folder(
    title: str, media_id: str, uploader: str | None, day: str | None, suffix: str
) -> None:
    path = place(described(title, media_id, uploader, day), suffix)
    assert not PurePosixPath(path).is_absolute() and len(path.parts) in (2, 3)
    for part in path.parts:
        assert part not in (".", "..") and not part.startswith((".", "-", "~"))
        assert len(part.encode()) <= LONGEST + 11 and not FORBIDDEN.search(part)
        assert not RESERVED.match(part)


@pytest.mark.parametrize(
    ("what", "path"),
    [
        (
            described("The Title", "dQw4", "Ada", "20260601"),
            "Ada/Season 2026/Ada - 2026-06-01 - The Title [dQw4].mp4",
        ),
        (described("The Title", "dQw4", None, "20260601"), "The Title (2026)/The Title (2026) [dQw4].mp4"),
        (described("The Title", "dQw4", "Ada", None), "The Title/The Title [dQw4].mp4"),
        (described("The Title", "dQw4", "Ada", "20260230"), "The Title/The Title [dQw4].mp4"),
        (described("The Title", "dQw4", "Ada", "2026W011"), "The Title/The Title [dQw4].mp4"),
        (described("The Title", "dQw4", "...", "20260601"), "The Title (2026)/The Title (2026) [dQw4].mp4"),
        (described("small", "small"), "small/small.mp4"),
        (described("", ""), "untitled/untitled.mp4"),
        (described("A/B: the test?", "-x_1"), "A-B- the test/A-B- the test [-x_1].mp4"),
        (described("  spaced\tout\n ", "x" * 65), "spaced out/spaced out.mp4"),
        (described("The {tmdb-603} [x]", "x1"), "The (tmdb-603) (x)/The (tmdb-603) (x) [x1].mp4"),
        (described("s01.\u200be02 News", "s1e2"), "s01, e02 News/s01, e02 News [s1e2].mp4"),
        (described("con", "x1"), "_con/_con [x1].mp4"),
    ],
)
def test_a_path_reads_like_the_video(what: Described, path: str) -> None:
    assert str(place(what, ".MP4")) == path


def test_a_long_title_gives_way_and_the_day_and_id_stay() -> None:
    path = place(described("t" * 500, "i" * 64, "u" * 500, "20260601"), ".mp4")
    assert path.parts[0] == "u" * 200
    assert path.name.startswith("u" * 60 + " - 2026-06-01 - tttt") and path.name.endswith(
        " [" + "i" * 64 + "].mp4"
    )
    assert len(path.name.encode()) == 204


@pytest.mark.parametrize(("suffix", "ending"), [(".mkv", ".mkv"), ("./../x", ".x"), ("", ""), (".Ü", "")])
def test_a_suffix_is_a_plain_word(suffix: str, ending: str) -> None:
    assert place(described("Film"), suffix).name == f"Film{ending}"
