"""plex.tv and app.plex.tv on this machine, as far as signing in goes, with a switch for each failure.

For programs, in JSON or XML as asked for: POST /api/v2/pins, GET /api/v2/pins/<id>, PUT /api/v2/pins/link,
GET /api/v2/user, /api/v2/resources, /api/v2/ping, DELETE /api/v2/users/signout; in XML only GET
/users/account, /api/users and /api/servers/<machine>/shared_servers. For people: /auth and /link.

`claim` does without a browser what a person does there. `switches` fails any of it: away, status, malformed,
stall, drip (see `plex_switches`); `stop` refuses connections. Besides:

    expire(pin)             a PIN is over; `pins.lifetime`, `pins.strong_lifetime` and the clock say when else
    expired_is_200 = True   a PIN that is over is told with 200 and no token, not with 404
    revoke(token)           one device is signed out; `accounts.revoke_all(person)`: all of them
    resources_empty = True  nobody has any server
    players_first = True    players are listed before servers; the order promises nothing
    share, unshare          who may enter a server
    person.email = None     or "", or somebody else's
    add(Player("TV", person, server.machine_identifier)), add(Server(server.name, person))
"""

import argparse
import contextlib
import re
import secrets
import threading
from collections.abc import Callable

from tests.standins import plex_tv_answers, plex_tv_pages
from tests.standins.plex_cloud import Cloud
from tests.standins.plex_http import Answer, Request
from tests.standins.plex_tv_errors import in_front, refused

_PLACES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("POST", r"/api/v2/pins", plex_tv_answers.make_pin),
    ("GET", r"/api/v2/pins/(\d+)", plex_tv_answers.read_pin),
    ("PUT", r"/api/v2/pins/link", plex_tv_answers.link_pin),
    ("GET", r"/api/v2/user", plex_tv_answers.user),
    ("GET", r"/api/v2/resources", plex_tv_answers.resources),
    ("GET", r"/api/v2/ping", plex_tv_answers.ping),
    ("DELETE", r"/api/v2/users/signout", plex_tv_answers.sign_out),
    ("GET", r"/users/account", plex_tv_answers.old_account),
    ("GET", r"/api/users/?", plex_tv_answers.friends),
    ("GET", r"/api/servers/(\w+)/shared_servers", plex_tv_answers.shares),
    ("GET", r"/auth/?", plex_tv_pages.choose),
    ("POST", r"/auth", plex_tv_pages.chosen),
    ("GET", r"/link", plex_tv_pages.ask_code),
    ("POST", r"/link", plex_tv_pages.code_typed),
)


class PlexTv(Cloud):
    """The site as a context manager."""

    def answer(self, request: Request) -> Answer | None:
        place = re.sub(r"\.(json|xml)$", "", request.path)
        for method, pattern, tell in _PLACES:
            if method == request.method and (found := re.fullmatch(pattern, place)):
                return _by_plex(tell(self, request, *found.groups()))
        return None

    def refusal(self, request: Request, status: int) -> Answer:
        return in_front(status) if status in (404, 502, 504) else _by_plex(refused(request, status))

    def nothing(self, request: Request) -> Answer:
        return _by_plex(refused(request, 404))


def _by_plex(answer: Answer) -> Answer:
    """What the site itself answers carries these; an answer from in front of it does not."""
    session = f"_my-plex_session_32={secrets.token_hex(16)}; path=/; HttpOnly"
    headers = {"Cache-Control": "no-cache", "X-Request-Id": secrets.token_hex(16), "Set-Cookie": session}
    return Answer(answer.status, answer.body, answer.kind, {**headers, **answer.headers})


def main() -> None:
    # Only here: the sample stands on this module.
    from tests.standins.plex_sample import Sample

    parser = argparse.ArgumentParser(prog="plex_tv", description="plex.tv and a media server, for the demo.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    chosen = parser.parse_args()
    with Sample(chosen.host, chosen.port) as sample:
        print(sample.plex_tv.base, flush=True)
        print(f"media server: {sample.plex.base} token of its owner: {sample.owner.token}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
