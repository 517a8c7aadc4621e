"""The first values for services that the environment gives."""

import pytest

from config.settings import SettingsError, read

CANARY = "canary-of-a-token"


@pytest.mark.parametrize("name", ["PLEX_TOKEN", "OVERSEERR_API_KEY", "UPTIME_KUMA_API_KEY"])
def test_a_secret_that_no_header_can_carry_stops_the_start_and_is_not_repeated(name: str) -> None:
    for wrong in (f"{CANARY}\n{CANARY}", f"{CANARY}\u2013"):
        with pytest.raises(SettingsError) as refused:
            read({name: wrong})
        assert refused.value.problems == [f"{name}: holds characters that no token has"]
    assert CANARY not in repr(read({name: CANARY}))
