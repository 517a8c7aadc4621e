"""The stand-in for plex.tv beside what the real one was seen to send."""

import threading
from collections.abc import Mapping
from types import NoneType
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from tests.standins.plex_people import Person, Player, Server
from tests.standins.plex_sample import Sample
from tests.standins.plex_tv import PlexTv

OURS = {"Accept": "application/json", "X-Plex-Client-Identifier": "a-client", "X-Plex-Product": "A client"}
RESOURCES = "/api/v2/resources?includeHttps=1&includeRelay=1"

Types = Mapping[str, type | tuple[type, ...]]

MAYBE_TEXT = (str, NoneType)
MAYBE_BOOL = (bool, NoneType)
MAYBE_NUMBER = (int, NoneType)

# Every key of the recorded answers, and the types that the recordings show.
PIN: Types = {
    "id": int, "code": str, "product": str, "trusted": bool, "clientIdentifier": str, "location": dict,
    "expiresIn": int, "createdAt": str, "expiresAt": str, "authToken": MAYBE_TEXT,
    "newRegistration": MAYBE_BOOL,
}  # fmt: skip
LOCATION: Types = {
    "code": str, "european_union_member": bool, "continent_code": str, "country": str, "city": str,
    "time_zone": str, "postal_code": str, "in_privacy_restricted_country": bool, "subdivisions": str,
    "coordinates": str,
}  # fmt: skip
USER: Types = {
    "id": int, "uuid": str, "username": str, "title": str, "email": MAYBE_TEXT, "friendlyName": str,
    "locale": MAYBE_TEXT, "confirmed": bool, "emailOnlyAuth": bool, "hasPassword": bool, "protected": bool,
    "thumb": str, "authToken": str, "mailingListStatus": MAYBE_TEXT, "mailingListActive": bool,
    "scrobbleTypes": str, "country": str, "subscription": dict, "subscriptionDescription": MAYBE_TEXT,
    "restricted": bool, "anonymous": MAYBE_BOOL, "home": bool, "guest": bool, "homeSize": int,
    "homeAdmin": bool, "maxHomeSize": int, "rememberExpiresAt": MAYBE_NUMBER, "profile": dict,
    "entitlements": list, "subscriptions": list, "pastSubscriptions": list, "trials": list, "services": list,
    "adsConsent": MAYBE_BOOL, "adsConsentSetAt": MAYBE_NUMBER, "adsConsentReminderAt": MAYBE_NUMBER,
    "experimentalFeatures": bool, "twoFactorEnabled": bool, "backupCodesCreated": bool, "joinedAt": int,
}  # fmt: skip
PASS: Types = {"pin": str, "roles": list}
MANAGED: Types = {
    "providers": list, "restrictionProfile": MAYBE_TEXT, "customRestrictions": dict, "settings": list,
}  # fmt: skip
SUBSCRIPTION: Types = {
    "active": bool, "subscribedAt": MAYBE_TEXT, "status": str, "paymentService": MAYBE_TEXT,
    "plan": MAYBE_TEXT, "features": list,
}  # fmt: skip
RESOURCE: Types = {
    "name": str, "product": str, "productVersion": str, "platform": str, "platformVersion": str,
    "device": str, "clientIdentifier": str, "createdAt": str, "lastSeenAt": str, "provides": str,
    "ownerId": MAYBE_NUMBER, "sourceTitle": MAYBE_TEXT, "publicAddress": str, "accessToken": MAYBE_TEXT,
    "owned": bool, "home": bool, "synced": bool, "relay": bool, "presence": bool, "httpsRequired": bool,
    "publicAddressMatches": bool, "dnsRebindingProtection": bool, "natLoopbackSupported": bool,
    "connections": list,
}  # fmt: skip
CONNECTION: Types = {
    "protocol": str, "address": str, "port": int, "uri": str, "local": bool, "relay": bool, "IPv6": bool,
}  # fmt: skip


def ask(plex_tv: PlexTv, path: str, token: str = "", method: str = "GET", **more: Any) -> requests.Response:
    headers = {**OURS, **({"X-Plex-Token": token} if token else {}), **more.pop("headers", {})}
    return requests.request(method, plex_tv.base + path, headers=headers, timeout=10, **more)


def make_pin(plex_tv: PlexTv, strong: bool = True) -> dict[str, Any]:
    answer = ask(plex_tv, f"/api/v2/pins{'?strong=true' if strong else ''}", method="POST")
    assert answer.status_code == 201
    pin: dict[str, Any] = answer.json()
    return pin


def is_gone(answer: requests.Response) -> bool:
    error = {"code": 1020, "message": "Code not found or expired"}
    return (answer.status_code, answer.json()) == (404, {"errors": [error]})


def wrong(told: Mapping[str, Any], types: Types) -> dict[str, str]:
    """The recorded keys that are missing here or of another type; a bool is no number."""
    bad = {}
    for key, kinds in types.items():
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        if key not in told or type(told[key]) not in wanted:
            bad[key] = repr(told.get(key, "missing"))
    return bad


def test_a_pin_waits_and_then_holds_the_token_of_whoever_claims_it(sample: Sample) -> None:
    pin = make_pin(sample.plex_tv)
    poll = f"/api/v2/pins/{pin['id']}"
    assert (pin["authToken"], ask(sample.plex_tv, poll).json()["authToken"]) == (None, None)
    token = sample.plex_tv.claim(pin["code"], sample.friend)
    claimed = ask(sample.plex_tv, f"{poll}?code={pin['code']}").json()
    assert (claimed["authToken"], claimed["newRegistration"]) == (token, False)
    assert token != sample.friend.token
    assert ask(sample.plex_tv, "/api/v2/user", token).json()["id"] == sample.friend.id
    with pytest.raises(LookupError):
        sample.plex_tv.claim(pin["code"], sample.owner)


def test_a_pin_has_every_recorded_key(sample: Sample) -> None:
    pin = make_pin(sample.plex_tv)
    assert wrong(pin, PIN) == {}
    assert wrong(pin["location"], LOCATION) == {}
    assert (pin["clientIdentifier"], pin["product"]) == ("a-client", "A client")


def test_an_account_has_every_recorded_key(sample: Sample) -> None:
    for person, more in ((sample.friend, {}), (sample.owner, PASS), (sample.child, MANAGED)):
        told = ask(sample.plex_tv, "/api/v2/user", person.token).json()
        assert wrong(told, {**USER, **more}) == {}
        assert wrong(told["subscription"], SUBSCRIPTION) == {}
        assert told["authToken"] == person.token


def test_resources_have_every_recorded_key(sample: Sample) -> None:
    listed = ask(sample.plex_tv, RESOURCES, sample.friend.token).json()
    assert [resource["provides"] for resource in listed] == ["server", "client,player,pubsub-player"]
    assert [wrong(resource, RESOURCE) for resource in listed] == [{}, {}]
    assert [wrong(way, CONNECTION) for way in listed[0]["connections"]] == [{}, {}, {}]
    assert [(way["local"], way["relay"]) for way in listed[0]["connections"]] == [
        (True, False), (False, False), (False, True),
    ]  # fmt: skip


def test_only_a_strong_pin_has_a_long_code_and_a_long_life(sample: Sample) -> None:
    strong, weak = make_pin(sample.plex_tv), make_pin(sample.plex_tv, strong=False)
    assert (len(strong["code"]), strong["expiresIn"]) == (25, 1800)
    assert (len(weak["code"]), weak["expiresIn"]) == (4, 900)


def test_a_pin_is_read_only_by_the_client_that_made_it(sample: Sample) -> None:
    pin = make_pin(sample.plex_tv)
    poll = f"/api/v2/pins/{pin['id']}"
    assert is_gone(ask(sample.plex_tv, poll, headers={"X-Plex-Client-Identifier": "another"}))
    assert is_gone(ask(sample.plex_tv, f"{poll}?code=anothercode"))
    assert is_gone(ask(sample.plex_tv, "/api/v2/pins/1"))
    nobody = requests.get(sample.plex_tv.base + poll, headers={"Accept": "application/json"}, timeout=10)
    assert (nobody.status_code, nobody.json()["errors"][0]["code"]) == (400, 1000)


def test_a_pin_is_over_by_word_by_clock_and_by_its_lifetime() -> None:
    now = [1_800_000_000.0]
    with PlexTv(clock=lambda: now[0]) as plex_tv:
        plex_tv.add(person := Person("olivia"))
        plex_tv.pins.strong_lifetime = 60
        by_word, by_clock = make_pin(plex_tv), make_pin(plex_tv)
        assert (by_clock["expiresIn"], by_clock["createdAt"]) == (60, "2027-01-15T08:00:00Z")
        plex_tv.expire(by_word["id"])
        assert is_gone(ask(plex_tv, f"/api/v2/pins/{by_word['id']}"))
        assert ask(plex_tv, f"/api/v2/pins/{by_clock['id']}").ok
        now[0] += 60
        assert is_gone(ask(plex_tv, f"/api/v2/pins/{by_clock['id']}"))
        with pytest.raises(LookupError):
            plex_tv.claim(by_clock["code"], person)
        plex_tv.expired_is_200 = True
        told = ask(plex_tv, f"/api/v2/pins/{by_clock['id']}").json()
        assert (told["authToken"], told["expiresIn"]) == (None, 0)


def test_somebody_signed_in_links_a_pin_by_its_code(sample: Sample) -> None:
    pin = make_pin(sample.plex_tv, strong=False)
    link = {"path": "/api/v2/pins/link.json", "method": "PUT"}
    assert ask(sample.plex_tv, **link, data={"code": pin["code"]}).status_code == 401
    assert is_gone(ask(sample.plex_tv, **link, token=sample.friend.token, data={"code": "----"}))
    code = {"code": pin["code"].lower()}
    assert ask(sample.plex_tv, **link, token=sample.friend.token, data=code).status_code == 204
    assert ask(sample.plex_tv, f"/api/v2/pins/{pin['id']}").json()["authToken"]


@pytest.mark.parametrize("path", ["/api/v2/user", RESOURCES, "/api/v2/ping"])
def test_a_token_that_is_not_valid_is_401_with_the_recorded_words(sample: Sample, path: str) -> None:
    error = {"code": 1001, "message": "User could not be authenticated", "status": 401}
    sample.plex_tv.revoke(sample.friend.token)
    for token in ("", "made-up", sample.friend.token):
        answer = ask(sample.plex_tv, path, token)
        assert (answer.status_code, answer.json()) == (401, {"errors": [error]})
        assert answer.headers["Content-Type"] == "application/json"
    assert ask(sample.plex_tv, path, sample.owner.token).ok


def test_signing_out_ends_this_token_and_no_other(sample: Sample) -> None:
    token = sample.plex_tv.accounts.sign_in(sample.friend)
    assert ask(sample.plex_tv, "/api/v2/users/signout", token, "DELETE").status_code == 204
    assert ask(sample.plex_tv, "/api/v2/user", token).status_code == 401
    assert ask(sample.plex_tv, "/api/v2/user", sample.friend.token).ok
    sample.plex_tv.accounts.revoke_all(sample.friend)
    assert ask(sample.plex_tv, "/api/v2/user", sample.friend.token).status_code == 401


def test_the_older_address_of_the_account_calls_a_bad_token_422(sample: Sample) -> None:
    refused = ask(sample.plex_tv, "/users/account", "made-up")
    assert (refused.status_code, ElementTree.fromstring(refused.text)[0].text) == (422, "Invalid token")
    told = ElementTree.fromstring(ask(sample.plex_tv, "/users/account", sample.friend.token).text)
    assert told.get("username") == "felix"


def test_each_sees_the_servers_that_he_owns_or_that_are_shared_with_him(sample: Sample) -> None:
    def servers(person: Person) -> list[tuple[str, bool, int | None]]:
        listed = ask(sample.plex_tv, RESOURCES, person.token).json()
        found = [resource for resource in listed if "server" in resource["provides"].split(",")]
        return [(one["clientIdentifier"], one["owned"], one["ownerId"]) for one in found]

    machine = sample.server.machine_identifier
    assert servers(sample.owner) == [(machine, True, None)]
    assert servers(sample.friend) == [(machine, False, sample.owner.id)]
    assert servers(sample.stranger) == []
    assert servers(sample.neighbour) == [(sample.other.machine_identifier, True, None)]
    sample.plex_tv.unshare(sample.server, sample.friend)
    sample.plex_tv.share(sample.server, sample.stranger)
    assert (servers(sample.friend), servers(sample.stranger)) == ([], [(machine, False, sample.owner.id)])
    sample.plex_tv.resources_empty = True
    assert servers(sample.owner) == []


def test_a_player_may_have_the_identifier_of_the_server_and_a_server_its_name(sample: Sample) -> None:
    machine = sample.server.machine_identifier
    sample.plex_tv.add(Player("TV", sample.stranger, machine, token=sample.stranger.token))
    sample.plex_tv.add(Server(sample.server.name, sample.stranger))
    listed = ask(sample.plex_tv, RESOURCES, sample.stranger.token).json()
    sample.plex_tv.players_first = True
    assert ask(sample.plex_tv, RESOURCES, sample.stranger.token).json() == listed[::-1]
    server, player = listed
    assert (player["clientIdentifier"], "server" in player["provides"]) == (machine, False)
    assert (server["name"], server["clientIdentifier"] == machine) == (sample.server.name, False)


def test_an_address_may_be_null_empty_or_somebody_elses(sample: Sample) -> None:
    for email in (None, "", sample.owner.email):
        sample.stranger.email = email
        assert ask(sample.plex_tv, "/api/v2/user", sample.stranger.token).json()["email"] == email


def test_without_being_asked_for_json_it_writes_xml(sample: Sample) -> None:
    answer = ask(sample.plex_tv, RESOURCES, sample.friend.token, headers={"Accept": "*/*"})
    resource = ElementTree.fromstring(answer.text)[0]
    assert (resource.tag, resource.get("owned"), resource.get("provides")) == ("resource", "0", "server")
    assert [way.get("relay") for way in resource.findall("connections/connection")] == ["0", "0", "1"]
    pin = ask(sample.plex_tv, "/api/v2/pins", method="POST", headers={"Accept": "application/xml"})
    told = ElementTree.fromstring(pin.text)
    assert (told.get("authToken"), told.get("trusted")) == ("", "0")
    assert str(told.get("expiresAt")).endswith(" UTC")
    error = ElementTree.fromstring(ask(sample.plex_tv, "/api/v2/user", headers={"Accept": ""}).text)[0]
    assert (error.tag, error.get("code")) == ("error", "1001")


def test_the_log_tells_headers_query_and_body(sample: Sample) -> None:
    ask(sample.plex_tv, "/api/v2/pins?strong=true", method="POST", data={"note": "x y"})
    seen = sample.plex_tv.requests[-1]
    assert (seen.method, seen.path, seen.query) == ("POST", "/api/v2/pins", "strong=true")
    assert (seen.headers["x-plex-product"], seen.client, seen.word("note")) == ("A client", "a-client", "x y")
    by_query = f"/api/v2/user?X-Plex-Token={sample.owner.token}&X-Plex-Client-Identifier=b"
    assert requests.get(sample.plex_tv.base + by_query, timeout=10).ok


def test_a_place_that_is_not_there_is_noted() -> None:
    with PlexTv() as plex_tv:
        answer = ask(plex_tv, "/api/v2/everything")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, 1002)
        assert [stranger.path for stranger in plex_tv.strangers] == ["/api/v2/everything"]


def test_many_ask_at_once(sample: Sample) -> None:
    pins: list[dict[str, Any]] = []
    askers = [threading.Thread(target=lambda: pins.append(make_pin(sample.plex_tv))) for _ in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(20)
    assert len({pin["id"] for pin in pins}) == len({pin["code"] for pin in pins}) == 20
