"""What plex.tv answers to a program: PINs, accounts, resources, and the older lists for the owner of a server."""

from tests.standins.plex_cloud import Cloud
from tests.standins.plex_forms import as_xml, container_xml
from tests.standins.plex_http import Answer, Request
from tests.standins.plex_people import Person, Server
from tests.standins.plex_shapes import Shape, pin_shape, player_shape, server_shape, user_shape
from tests.standins.plex_tv_errors import XML, pin_is_gone, refused, told


def make_pin(cloud: Cloud, request: Request) -> Answer:
    if not request.client:
        return refused(request, 400)
    strong = request.word("strong").lower() in ("true", "1")
    pin = cloud.pins.make(request.client, request.plex("Product"), strong=strong)
    return told(request, "pin", pin_shape(pin, cloud.base, cloud.pins.clock()), 201)


def read_pin(cloud: Cloud, request: Request, number: str) -> Answer:
    """Only for the client that made it; with `code` only if that is its code."""
    if not request.client:
        return refused(request, 400)
    pin = cloud.pins.by_id(int(number))
    if pin is None or pin.client != request.client or request.word("code") not in ("", pin.code):
        return pin_is_gone(request)
    shape = pin_shape(pin, cloud.base, cloud.pins.clock())
    if cloud.pins.is_over(pin):
        if not cloud.expired_is_200:
            return pin_is_gone(request)
        shape |= {"authToken": None, "newRegistration": None}
    return told(request, "pin", shape)


def link_pin(cloud: Cloud, request: Request) -> Answer:
    """Somebody who is signed in claims the PIN with this code."""
    person = _signed_in(cloud, request)
    if person is None:
        return refused(request, 401)
    try:
        cloud.claim(request.word("code"), person)
    except LookupError:
        return pin_is_gone(request)
    return Answer(204)


def user(cloud: Cloud, request: Request) -> Answer:
    person = _signed_in(cloud, request)
    if person is None:
        return refused(request, 401)
    return told(request, "user", user_shape(person, request.token, cloud.base))


def resources(cloud: Cloud, request: Request) -> Answer:
    if not request.client:
        return refused(request, 400)
    person = _signed_in(cloud, request)
    if person is None:
        return refused(request, 401)
    https, relay = (request.word(word) == "1" for word in ("includeHttps", "includeRelay"))
    listed: list[Shape] = []
    if not cloud.resources_empty:
        for server in cloud.accounts.servers_of(person):
            access = cloud.accounts.access_token(server, person)
            listed.append(server_shape(server, person, access, https=https, relay=relay))
        players = [player_shape(player) for player in cloud.accounts.players_of(person)]
        listed = players + listed if cloud.players_first else listed + players
    return told(request, "resources", listed)


def ping(cloud: Cloud, request: Request) -> Answer:
    """Keeps a token alive."""
    if _signed_in(cloud, request) is None:
        return refused(request, 401)
    return (
        told(request, "pong", {"pong": True}) if request.wants_json else Answer(200, b"<pong>1</pong>", XML)
    )


def sign_out(cloud: Cloud, request: Request) -> Answer:
    if _signed_in(cloud, request) is None:
        return refused(request, 401)
    cloud.revoke(request.token)
    return Answer(204)


def old_account(cloud: Cloud, request: Request) -> Answer:
    """The older address of the account: XML only, and 422 for a token that is not valid."""
    person = _signed_in(cloud, request)
    if person is None:
        bad = b'<?xml version="1.0" encoding="UTF-8"?>\n<errors>\n  <error>Invalid token</error>\n</errors>\n'
        return Answer(422, bad, XML)
    return Answer(200, as_xml("user", user_shape(person, request.token, cloud.base)), XML)


def friends(cloud: Cloud, request: Request) -> Answer:
    """All with whom somebody shares his servers, without himself; XML only."""
    person = _signed_in(cloud, request)
    if person is None:
        return refused(request, 401)
    owned = [one for one in cloud.accounts.servers_of(person) if one.owner is person]
    seen = dict.fromkeys(guest for server in owned for guest in server.shared_with)
    users = [_friend_shape(guest, owned, cloud.base) for guest in seen]
    tree = {"friendlyName": "myPlex", "identifier": "com.plexapp.plugins.myplex", "size": len(users)}
    return Answer(200, container_xml(tree | {"User": users}), XML)


def shares(cloud: Cloud, request: Request, machine_identifier: str) -> Answer:
    """With whom an owner shares one server, and their tokens for it; XML only."""
    person = _signed_in(cloud, request)
    if person is None:
        return refused(request, 401)
    server = cloud.accounts.owned_by(person, machine_identifier)
    if server is None:
        return refused(request, 404)
    shared = [_share_shape(cloud, server, guest) for guest in server.shared_with]
    tree = {"friendlyName": "myPlex", "identifier": "com.plexapp.plugins.myplex", "size": len(shared)}
    return Answer(200, container_xml(tree | {"SharedServer": shared}), XML)


def _signed_in(cloud: Cloud, request: Request) -> Person | None:
    return cloud.accounts.person_of(request.token)


def _friend_shape(guest: Person, owned: list[Server], base: str) -> Shape:
    return {
        "id": guest.id,
        "title": guest.name,
        "username": "" if guest.managed else guest.name,
        "email": guest.email,
        "recommendationsPlaylistId": "",
        "thumb": f"{base}/users/{guest.uuid}/avatar?c=1700000000",
        "protected": False,
        "home": guest.managed,
        "restricted": guest.managed,
        "allowTuners": False,
        "allowSync": True,
        "allowCameraUpload": False,
        "allowChannels": False,
        "allowSubtitleAdmin": False,
        "filterAll": "",
        "filterMovies": "",
        "filterMusic": "",
        "filterPhotos": "",
        "filterTelevision": "",
        "Server": [_shared_shape(one) for one in owned if guest in one.shared_with],
    }


def _shared_shape(server: Server) -> Shape:
    return {
        "id": server.id + 1,
        "serverId": server.id,
        "machineIdentifier": server.machine_identifier,
        "name": server.name,
        "lastSeenAt": 1_790_000_000,
        "numLibraries": 0,
        "allLibraries": True,
        "owned": True,
        "pending": False,
    }


def _share_shape(cloud: Cloud, server: Server, guest: Person) -> Shape:
    return {
        "id": server.id + 1,
        "username": "" if guest.managed else guest.name,
        "email": guest.email,
        "userID": guest.id,
        "accessToken": cloud.accounts.access_token(server, guest),
        "name": server.name,
        "acceptedAt": 1_700_000_000,
        "invitedAt": 1_699_999_000,
        "allowSync": True,
        "allLibraries": True,
    }
