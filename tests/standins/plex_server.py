"""A Plex Media Server on this machine, as far as proving access to it goes.

GET /identity asks for no token; GET / for one that opens this server: the owner's, or one that plex.tv gave
somebody for it while it is shared with him. All else is 401 without such a token and 404 with one; a new place
is a new line in `_PLACES`. Refusals are HTML even where JSON was asked for; 503 is what it sends while it
migrates its databases. `switches` fails it (see `plex_switches`), `stop` refuses connections.
`allows_without_auth` is its setting of that name with our network in it: whoever asks is let in, with any token.
"""

from collections.abc import Callable
from typing import Any

from tests.standins.plex_forms import as_json, container_xml
from tests.standins.plex_http import Answer, Listener, Request
from tests.standins.plex_people import Accounts, Server

JSON = "application/json"
XML = "text/xml;charset=utf-8"
HTML = "text/html"

_TITLES = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}
_TO_THE_APP = (
    "<script>window.location = window.location.href.match(/(^.+\\/)[^\\/]*$/)[1] + 'web/index.html';</script>"
)
_STARTING = (
    '<Response code="503" title="Maintenance"'
    ' status="Plex Media Server is currently running database migrations."/>'
)
_ROOMS = (
    "activities",
    "butler",
    "clients",
    "devices",
    "hubs",
    "identity",
    "library",
    "playlists",
    "statistics",
)


class PlexServer(Listener):
    """The server as a context manager; the accounts know where it runs as long as it does."""

    def __init__(self, accounts: Accounts, server: Server, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self.accounts = accounts
        self.server = server
        self.allows_without_auth = False

    def start(self) -> None:
        super().start()
        self.server.address, self.server.port = self.host, self.port

    def stop(self) -> None:
        self.server.port = None
        super().stop()

    def answer(self, request: Request) -> Answer | None:
        needs_token, tell = _PLACES.get((request.method, request.path), (True, None))
        known = self.allows_without_auth or self.accounts.entering(self.server, request.token) is not None
        if needs_token and not known:
            return self.refusal(request, 401)
        return tell(self, request) if tell else None

    def refusal(self, request: Request, status: int) -> Answer:
        if status == 503:
            return Answer(503, _STARTING.encode(), XML)
        title = _TITLES.get(status, "Error")
        script = _TO_THE_APP if (status, request.path) == (401, "/") else ""
        page = (
            f"<html><head>{script}<title>{title}</title></head><body><h1>{status} {title}</h1></body></html>"
        )
        return Answer(status, page.encode(), HTML)

    def nothing(self, request: Request) -> Answer:
        return self.refusal(request, 404)


def _told(request: Request, tree: dict[str, Any]) -> Answer:
    headers = {"X-Plex-Protocol": "1.0", "Cache-Control": "no-cache"}
    if request.wants_json:
        return Answer(200, as_json({"MediaContainer": tree}), JSON, headers)
    return Answer(200, container_xml(tree), XML, headers)


def _identity(plex: PlexServer, request: Request) -> Answer:
    tree = {
        "size": 0,
        "apiVersion": "1.2.2",
        "claimed": True,
        "machineIdentifier": plex.server.machine_identifier,
        "version": plex.server.version,
    }
    return _told(request, tree)


def _root(plex: PlexServer, request: Request) -> Answer:
    server = plex.server
    tree: dict[str, Any] = _ABILITIES | {
        "size": len(_ROOMS),
        "friendlyName": server.name,
        "machineIdentifier": server.machine_identifier,
        "myPlexSubscription": server.owner.plex_pass,
        "myPlexUsername": server.owner.name,
        "version": server.version,
        "Directory": [{"count": 1, "key": room, "title": room} for room in _ROOMS],
    }
    return _told(request, tree)


_ABILITIES: dict[str, Any] = {
    "allowCameraUpload": True,
    "allowChannelAccess": True,
    "allowMediaDeletion": True,
    "allowSharing": True,
    "allowSync": True,
    "allowTuners": True,
    "backgroundProcessing": True,
    "certificate": True,
    "companionProxy": True,
    "countryCode": "nld",
    "diagnostics": "logs,databases,streaminglogs",
    "eventStream": True,
    "hubSearch": True,
    "itemClusters": True,
    "livetv": 7,
    "mediaProviders": True,
    "multiuser": True,
    "musicAnalysis": 2,
    "myPlex": True,
    "myPlexMappingState": "mapped",
    "myPlexSigninState": "ok",
    "offlineTranscode": 1,
    "ownerFeatures": "adaptive_bitrate,collections,federated-auth,home,livetv",
    "photoAutoTag": True,
    "platform": "Linux",
    "platformVersion": "6.1.0-31-amd64",
    "pluginHost": True,
    "pushNotifications": False,
    "readOnlyLibraries": False,
    "streamingBrainABRVersion": 3,
    "streamingBrainVersion": 2,
    "sync": True,
    "transcoderActiveVideoSessions": 0,
    "transcoderAudio": True,
    "transcoderLyrics": True,
    "transcoderPhoto": True,
    "transcoderSubtitles": True,
    "transcoderVideo": True,
    "transcoderVideoBitrates": "64,96,208,320,720,1500,2000,3000,4000,8000,10000,12000,20000",
    "transcoderVideoQualities": "0,1,2,3,4,5,6,7,8,9,10,11,12",
    "transcoderVideoResolutions": "128,128,160,240,320,480,768,720,720,1080,1080,1080,1080",
    "updatedAt": 1_790_000_000,
    "updater": True,
    "voiceSearch": True,
}

# What is where, and whether it is closed without a token.
_PLACES: dict[tuple[str, str], tuple[bool, Callable[[PlexServer, Request], Answer]]] = {
    ("GET", "/identity"): (False, _identity),
    ("GET", "/"): (True, _root),
}
