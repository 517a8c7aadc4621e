"""How plex.tv refuses: its own words with a number, or what the layer in front of it says."""

from tests.standins.plex_forms import as_json, as_xml
from tests.standins.plex_http import Answer, Request

JSON = "application/json"
XML = "application/xml; charset=utf-8"
HTML = "text/html; charset=utf-8"

_WORDS = {
    400: (1000, "X-Plex-Client-Identifier is missing"),
    401: (1001, "User could not be authenticated"),
    404: (1002, "The requested resource or endpoint could not be found"),
    422: (1008, "The server could not perform the action required with the entity provided"),
    429: (1003, "API rate limit exceeded"),
    500: (1007, "Internal Server Error. Something went wrong on our end"),
    503: (1013, "The server cannot handle the request"),
}
_IN_FRONT = {502: "Bad Gateway", 504: "Gateway Time-out"}


def told(request: Request, name: str, tree: object, status: int = 200) -> Answer:
    """An answer in the form that was asked for; `name` is the root of the XML."""
    if request.wants_json:
        return Answer(status, as_json({name: tree} if name == "errors" else tree), JSON)
    return Answer(status, as_xml(name, tree), XML)


def refused(request: Request, status: int, words: tuple[int, str] | None = None) -> Answer:
    """A refusal by plex.tv itself."""
    code, message = words or _WORDS.get(status, (1000 + status, "Something else"))
    return told(request, "errors", [{"code": code, "message": message, "status": status}], status)


def pin_is_gone(request: Request) -> Answer:
    """The answer to a poll of a PIN that is over, unknown or another client's; it names no status."""
    return told(request, "errors", [{"code": 1020, "message": "Code not found or expired"}], 404)


def in_front(status: int) -> Answer:
    """A refusal by what stands in front of plex.tv: HTML, or nothing at all when it knows no way on."""
    if status not in _IN_FRONT:
        return Answer(status)
    title = f"{status} {_IN_FRONT[status]}"
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    return Answer(status, page.encode(), HTML)
