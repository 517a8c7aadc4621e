"""The stand-ins judged by python-plexapi, a client that was written for the real ones."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from plexapi.exceptions import BadRequest, NotFound, Unauthorized
from plexapi.myplex import MyPlexAccount, MyPlexPinLogin
from plexapi.server import PlexServer
from requests.adapters import HTTPAdapter

from tests.standins.plex_people import Person
from tests.standins.plex_sample import Sample

REAL = "https://plex.tv"
CLIENT = {"X-Plex-Client-Identifier": "a-client", "X-Plex-Product": "A client"}


class _Instead(HTTPAdapter):
    """Takes what is meant for the real plex.tv to the stand-in, so that the client stays as it is."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    def send(self, request: requests.PreparedRequest, *more: Any, **options: Any) -> requests.Response:
        request.url = str(request.url).replace(REAL, self.base, 1)
        return super().send(request, *more, **options)


class _Nowhere(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *more: Any, **options: Any) -> requests.Response:
        raise AssertionError(f"a request to the real world: {request.url}")


@pytest.fixture
def session(sample: Sample) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Nowhere())
        session.mount("http://127.0.0.1", HTTPAdapter())
        session.mount(REAL, _Instead(sample.plex_tv.base))
        yield session


@pytest.fixture
def sign_in(session: requests.Session) -> Any:
    return lambda person: MyPlexAccount(token=person.token, session=session)


def code_of(login: MyPlexPinLogin) -> str:
    """The code that the client keeps to itself where it is not for typing."""
    return str(login._getCode())


def test_a_strong_pin_signs_in(sample: Sample, session: requests.Session) -> None:
    login = MyPlexPinLogin(session=session, headers=CLIENT, oauth=True)
    assert f"code={code_of(login)}" in login.oauthUrl("http://127.0.0.1:1/back")
    assert not login.checkLogin()
    token = sample.plex_tv.claim(code_of(login), sample.friend)
    assert (login.checkLogin(), login.token, login.expired) == (True, token, False)
    assert MyPlexAccount(token=login.token, session=session).id == sample.friend.id


def test_four_letters_are_linked_by_somebody_signed_in(
    session: requests.Session, sample: Sample, sign_in: Any
) -> None:
    login = MyPlexPinLogin(session=session, headers=CLIENT)
    assert len(login.pin) == 4
    sign_in(sample.friend).link(login.pin)
    assert login.checkLogin()
    assert MyPlexAccount(token=login.token, session=session).username == "felix"


def test_a_pin_that_is_over_is_over_for_the_client(sample: Sample, session: requests.Session) -> None:
    login = MyPlexPinLogin(session=session, headers=CLIENT)
    sample.plex_tv.expire(login.pin)
    assert (login.checkLogin(), login.expired) == (False, True)


def test_accounts_are_read_with_and_without_an_address(sample: Sample, sign_in: Any) -> None:
    owner, child = sign_in(sample.owner), sign_in(sample.child)
    assert (owner.username, owner.email, owner.subscriptionActive) == ("olivia", "olivia@example.com", True)
    assert (owner.roles, "pass" in owner.subscriptionFeatures) == (["plexpass"], True)
    assert owner.subscriptionSubscribedAt.year == 2021
    assert (child.title, child.username, child.email, child.home) == (
        "Kim", "", "", True,
    )  # fmt: skip
    assert (owner.ping(), owner.authToken) == (True, sample.owner.token)


def test_resources_lead_to_the_server(sample: Sample, sign_in: Any) -> None:
    for person, owned in ((sample.owner, True), (sample.friend, False)):
        resource = sign_in(person).resource(sample.server.machine_identifier)
        assert (resource.owned, resource.provides, resource.presence) == (owned, "server", True)
        assert [way.relay for way in resource.connections] == [False, False, True]
        server = resource.connect(ssl=False, locations=["local", "remote"], timeout=10)
        assert server.machineIdentifier == sample.server.machine_identifier
    with pytest.raises(NotFound):
        sign_in(sample.stranger).resource(sample.server.machine_identifier)


def test_the_server_opens_to_the_token_in_the_resource_and_not_to_the_one_of_the_account(
    sample: Sample, session: requests.Session, sign_in: Any
) -> None:
    access = sign_in(sample.friend).resource(sample.server.machine_identifier).accessToken
    server = PlexServer(sample.plex.base, access, session=session)
    assert (server.friendlyName, server.version) == ("Living Room", sample.server.version)
    assert server.identity().machineIdentifier == sample.server.machine_identifier
    for token in (sample.friend.token, "made-up"):
        with pytest.raises(Unauthorized):
            PlexServer(sample.plex.base, token, session=session)


def test_an_owner_lists_with_whom_he_shares(sample: Sample, sign_in: Any) -> None:
    users = sign_in(sample.owner).users()
    assert [(user.title, user.email, user.home) for user in users] == [
        ("felix", "felix@example.com", False), ("Kim", "", True),
    ]  # fmt: skip
    assert users[0].servers[0].machineIdentifier == sample.server.machine_identifier
    token = users[0].get_token(sample.server.machine_identifier)
    assert token == sample.plex_tv.accounts.access_token(sample.server, sample.friend)
    assert sign_in(sample.friend).users() == []


def test_signing_out_and_a_revoked_token_are_unauthorized(sample: Sample, sign_in: Any) -> None:
    def is_out(person: Person) -> bool:
        with pytest.raises(Unauthorized):
            sign_in(person)
        return True

    sign_in(sample.friend).signout()
    assert is_out(sample.friend)
    sample.plex_tv.revoke(sample.owner.token)
    assert is_out(sample.owner)


def test_other_failures_are_not_unauthorized(sample: Sample, session: requests.Session, sign_in: Any) -> None:
    for status in (429, 500, 502, 503):
        sample.plex_tv.switches.status(status, times=1)
        with pytest.raises(BadRequest) as failed:
            sign_in(sample.friend)
        assert not isinstance(failed.value, Unauthorized)
    sample.plex.switches.status(503, times=1)
    with pytest.raises(BadRequest, match="database migrations"):
        PlexServer(sample.plex.base, sample.owner.token, session=session)
    assert sign_in(sample.friend).username == "felix"
