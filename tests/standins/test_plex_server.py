"""The stand-in for a media server: who it lets in, and what it tells."""

from xml.etree import ElementTree

import requests

from tests.standins.plex_sample import Sample

IDENTITY = {"size": int, "apiVersion": str, "claimed": bool, "machineIdentifier": str, "version": str}


def ask(
    sample: Sample, path: str, token: str | None = None, accept: str = "application/json"
) -> requests.Response:
    headers = {"Accept": accept, **({"X-Plex-Token": token} if token else {})}
    return requests.get(sample.plex.base + path, headers=headers, timeout=10)


def test_it_tells_who_it_is_without_a_token(sample: Sample) -> None:
    told = ask(sample, "/identity").json()["MediaContainer"]
    assert {key: type(value) for key, value in told.items()} == IDENTITY
    assert told["machineIdentifier"] == sample.server.machine_identifier
    root = ElementTree.fromstring(ask(sample, "/identity", accept="*/*").text)
    assert (root.tag, root.get("claimed"), set(root.keys())) == ("MediaContainer", "1", set(IDENTITY))


def test_it_opens_to_the_token_that_plex_tv_gave_for_it(sample: Sample) -> None:
    for person in (sample.owner, sample.friend, sample.child):
        access = sample.plex_tv.accounts.access_token(sample.server, person)
        told = ask(sample, "/", access).json()["MediaContainer"]
        assert (told["friendlyName"], told["machineIdentifier"]) == (
            "Living Room", sample.server.machine_identifier,
        )  # fmt: skip
        assert told["size"] == len(told["Directory"])
    assert ask(sample, f"/?X-Plex-Token={access}").ok
    assert ask(sample, "/", sample.owner.token).ok


def test_it_stays_closed_to_all_other_tokens(sample: Sample) -> None:
    foreign = sample.plex_tv.accounts.access_token(sample.other, sample.neighbour)
    for token in (None, "made-up", sample.friend.token, sample.stranger.token, foreign):
        answer = ask(sample, "/", token)
        assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html")
        assert "web/index.html" in answer.text and "<h1>401 Unauthorized</h1>" in answer.text


def test_a_network_may_be_allowed_in_without_auth(sample: Sample) -> None:
    sample.plex.allows_without_auth = True
    for token in (None, "made-up", sample.friend.token):
        told = ask(sample, "/", token).json()["MediaContainer"]
        assert told["machineIdentifier"] == sample.server.machine_identifier


def test_a_token_ends_with_the_share_and_a_new_share_has_a_new_one(sample: Sample) -> None:
    accounts = sample.plex_tv.accounts
    before = accounts.access_token(sample.server, sample.friend)
    sample.plex_tv.unshare(sample.server, sample.friend)
    assert ask(sample, "/", before).status_code == 401
    sample.plex_tv.share(sample.server, sample.friend)
    after = accounts.access_token(sample.server, sample.friend)
    assert (ask(sample, "/", before).status_code, ask(sample, "/", after).status_code) == (401, 200)


def test_a_place_that_is_not_there_is_404_only_for_those_who_may_come_in() -> None:
    with Sample() as sample:
        closed = ask(sample, "/library/nothing")
        assert (closed.status_code, "script" in closed.text) == (401, False)
        missing = ask(sample, "/library/nothing", sample.owner.token)
        assert (missing.status_code, "<h1>404 Not Found</h1>" in missing.text) == (404, True)
        assert [stranger.path for stranger in sample.plex.strangers] == ["/library/nothing"]


def test_resources_tell_where_it_runs(sample: Sample) -> None:
    address = f"{sample.plex_tv.base}/api/v2/resources"
    headers = {"Accept": "application/json", "X-Plex-Client-Identifier": "a"}
    headers["X-Plex-Token"] = sample.owner.token
    running = requests.get(address, headers=headers, timeout=10).json()[0]
    assert running["connections"][0]["uri"] == sample.plex.base
    sample.plex.stop()
    assert (running["presence"], requests.get(address, headers=headers, timeout=10).json()[0]["presence"]) == (
        True, False,
    )  # fmt: skip
