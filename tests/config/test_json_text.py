"""JSON as it is stored and sent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.json_text import read_json, write_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_every_value_comes_back_as_it_went(value: Any) -> None:
    assert read_json(write_json(value)) == value
    assert json.loads(write_json(value)) == value


def test_half_a_surrogate_pair_comes_back_too() -> None:
    title = {"title": "half \ud83d of a smile"}
    assert read_json(write_json(title)) == title


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError):
        read_json("{")
    with pytest.raises(TypeError):
        write_json({"place": object()})
