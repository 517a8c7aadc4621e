"""Settings are read as a person means them."""

from pathlib import Path

import pytest

from config.settings import read


@pytest.mark.parametrize("name", ["data", "media", "staging"])
def test_a_folder_may_begin_with_the_home_directory(name: str) -> None:
    found = read({f"MEDIANEST_{name.upper()}_DIR": "~/here"})
    assert getattr(found, f"{name}_dir") == Path.home() / "here"
