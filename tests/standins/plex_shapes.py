"""The shapes of what plex.tv tells: a PIN, an account, the resources of an account.

Their keys and types are those that the real one was seen to send; what they say is invented.
"""

import math
from datetime import UTC, datetime
from typing import Any

from tests.standins.plex_people import Person, Player, Server
from tests.standins.plex_pins import Pin

Shape = dict[str, Any]

_FEATURES = ["adaptive_bitrate", "collections", "federated-auth", "home", "livetv"]
_PASS_FEATURES = ["hardware_transcoding", "pass", "sync", "webhooks"]
_PAID_SINCE = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
_RELAY = ("192.0.2.44", 8443)
_PLACE = {
    "code": "NL",
    "european_union_member": True,
    "continent_code": "EU",
    "country": "Netherlands",
    "city": "Utrecht",
    "time_zone": "Europe/Amsterdam",
    "postal_code": "3511",
    "in_privacy_restricted_country": True,
    "subdivisions": "Utrecht",
    "coordinates": "52.000, 5.000",
}

_PROFILE: Shape = {
    "autoSelectAudio": True,
    "defaultAudioLanguage": None,
    "defaultSubtitleLanguage": None,
    "autoSelectSubtitle": 1,
    "defaultSubtitleAccessibility": 0,
    "defaultSubtitleForced": 0,
}
_MORE_PROFILE: Shape = {
    "defaultAudioAccessibility": 0,
    "defaultAudioLanguages": None,
    "defaultSubtitleLanguages": None,
    "watchedIndicator": 1,
    "mediaReviewsVisibility": 0,
    "mediaReviewsLanguages": None,
}
_SUBSCRIPTION: Shape = {
    "id": None,
    "mode": "lifetime",
    "renewsAt": None,
    "endsAt": None,
    "type": "plexpass",
    "transfer": None,
    "state": "active",
}
_RESOURCE: Shape = {
    "name": "",
    "product": "Plex Media Server",
    "productVersion": "",
    "platform": "Linux",
    "platformVersion": "6.1.0-31-amd64",
    "device": "Docker Container",
    "clientIdentifier": "",
    "createdAt": "2021-03-04T05:06:07Z",
    "lastSeenAt": "2026-10-01T08:00:00Z",
    "provides": "server",
    "ownerId": None,
    "sourceTitle": None,
    "publicAddress": "203.0.113.7",
    "accessToken": None,
    "owned": True,
    "home": False,
    "synced": False,
    "relay": False,
    "presence": True,
    "httpsRequired": False,
    "publicAddressMatches": False,
    "dnsRebindingProtection": False,
    "natLoopbackSupported": False,
    "connections": [],
}


def pin_shape(pin: Pin, base: str, now: float) -> Shape:
    return {
        "id": pin.id,
        "code": pin.code,
        "product": pin.product or "0",
        "trusted": False,
        "qr": f"{base}/api/v2/pins/qr/{pin.code}",
        "clientIdentifier": pin.client,
        "location": dict(_PLACE),
        "expiresIn": max(math.ceil(pin.expires - now), 0),
        "createdAt": pin.created_at,
        "expiresAt": pin.expires_at,
        "authToken": pin.token,
        "newRegistration": None if pin.token is None else False,
    }


def user_shape(person: Person, token: str, base: str) -> Shape:
    """What /api/v2/user tells about the account that is signed in."""
    return {
        "id": person.id,
        "uuid": person.uuid,
        "username": "" if person.managed else person.name,
        "title": person.name,
        "email": person.email,
        "friendlyName": person.name if person.managed else "",
        "locale": None,
        "confirmed": not person.managed,
        "joinedAt": 1_400_000_000,
        "emailOnlyAuth": False,
        "hasPassword": not person.managed,
        "protected": person.pin is not None,
        "thumb": f"{base}/users/{person.uuid}/avatar?c=1700000000",
        "authToken": token,
        "mailingListStatus": None if person.managed else "unsubscribed",
        "mailingListActive": False,
        "scrobbleTypes": "",
        "country": "NL",
        **_pass_shape(person),
        **_home_shape(person),
        "rememberExpiresAt": None if person.managed else 1_900_000_000,
        "profile": _PROFILE | (_MORE_PROFILE if person.plex_pass else {}),
        "services": [
            {
                "identifier": "metadata",
                "endpoint": "https://metadata.provider.plex.tv",
                "token": "a-token-of-the-service",
                "status": "online",
            }
        ],
        "adsConsent": None,
        "adsConsentSetAt": None,
        "adsConsentReminderAt": None,
        "experimentalFeatures": False,
        "twoFactorEnabled": False,
        "backupCodesCreated": False,
    }


def _home_shape(person: Person) -> Shape:
    shape: Shape = {
        "restricted": person.managed,
        "anonymous": None,
        "home": person.home,
        "guest": False,
        "homeSize": 2 if person.home else 1,
        "homeAdmin": person.home and not person.managed,
        "maxHomeSize": 15,
    }
    if person.pin is not None:
        shape |= {"pin": person.pin}
    if person.managed:
        shape |= {"providers": [], "restrictionProfile": None, "settings": []}
        shape |= {"customRestrictions": dict.fromkeys(("all", "movies", "music", "photos", "television"))}
    return shape


def _pass_shape(person: Person) -> Shape:
    paid = person.plex_pass
    shape: Shape = {
        "subscription": {
            "active": paid,
            "subscribedAt": _PAID_SINCE if paid else None,
            "status": "Active" if paid else "Inactive",
            "paymentService": "braintree" if paid else None,
            "plan": "lifetime" if paid else None,
            "features": _FEATURES + (_PASS_FEATURES if paid else []),
        },
        "subscriptionDescription": "Lifetime Plex Pass" if paid else None,
        "entitlements": ["all", "android", "ios"] if paid else [],
        "subscriptions": [_SUBSCRIPTION] if paid else [],
        "pastSubscriptions": [],
        "trials": [],
    }
    return shape | {"roles": ["plexpass"]} if paid else shape


def server_shape(server: Server, person: Person, access: str, *, https: bool, relay: bool) -> Shape:
    """A server in the list of resources of somebody who owns it or with whom it is shared."""
    owned = person is server.owner
    return _RESOURCE | {
        "name": server.name,
        "productVersion": server.version,
        "clientIdentifier": server.machine_identifier,
        "ownerId": None if owned else server.owner.id,
        "sourceTitle": None if owned else server.owner.name,
        "accessToken": access,
        "owned": owned,
        "home": person.home and server.owner.home,
        "relay": True,
        "presence": server.port is not None,
        "connections": _connections(server, https=https, relay=relay),
    }


def player_shape(player: Player) -> Shape:
    """An app in the list of resources of whoever is signed in to it: the same keys, and no way to reach it."""
    return _RESOURCE | {
        "name": player.name,
        "product": "Plex for iOS",
        "productVersion": "2026.9",
        "platform": "iOS",
        "platformVersion": "26.0",
        "device": "iPhone",
        "clientIdentifier": player.client_identifier,
        "provides": player.provides,
        "accessToken": player.token,
    }


def _connections(server: Server, *, https: bool, relay: bool) -> list[Shape]:
    """At home, from outside (the same port, as if the router let it in), and over the relay."""
    port = server.port or 32400
    ways = [(server.address, port, True, False), (server.address, port, False, False)]
    if relay:
        ways.append((*_RELAY, False, True))
    return [_connection(server, *way, https=https) for way in ways]


def _connection(server: Server, address: str, port: int, local: bool, relay: bool, *, https: bool) -> Shape:
    host = f"{address.replace('.', '-')}.{server.machine_identifier}.plex.direct" if https else address
    protocol = "https" if https else "http"
    return {
        "protocol": protocol,
        "address": address,
        "port": port,
        "uri": f"{protocol}://{host}:{port}",
        "local": local,
        "relay": relay,
        "IPv6": False,
    }
