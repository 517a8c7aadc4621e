"""Whatever strangers call their videos, the file's name is one safe component."""

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.download.naming import RESERVED, file_name


@given(st.text(max_size=400), st.text(max_size=80), st.sampled_from([".mp4", ".mkv", ".m4a", "", "./../x"]))
@example("../../etc/passwd", "x", ".mp4")
@example("..", "..", ".mp4")
@example("con", "con", ".mp4")
@example("\u202egpj.exe", "\x00", ".mp4")
@example("ü" * 300, "日" * 80, ".mp4")
def test_every_name_is_one_safe_component(title: str, media_id: str, suffix: str) -> None:
    name = file_name(title, media_id, suffix)
    assert PurePosixPath(name).name == name and name not in (".", "..")
    assert 0 < len(name.encode()) <= 240
    assert not name.startswith((".", "-", " ", "~"))
    assert not set(name) & set('/\\:*?"<>|')
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in name)
    assert not RESERVED.match(name)


@pytest.mark.parametrize(
    ("title", "media_id", "name"),
    [
        ("The large film", "large", "The large film [large].mp4"),
        ("small", "small", "small.mp4"),
        ("", "", "untitled.mp4"),
        ("A/B: the test?", "x1", "A-B- the test [x1].mp4"),
        ("  spaced\tout\n ", "x1", "spaced out [x1].mp4"),
    ],
)
def test_a_name_reads_like_the_title(title: str, media_id: str, name: str) -> None:
    assert file_name(title, media_id, ".mp4") == name
