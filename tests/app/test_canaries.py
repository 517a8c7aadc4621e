"""Canaries: every kind of secret goes into a running installation, and is looked for in all that comes out of it.

`test_the_search_finds_what_is_there` proves the search: the same places, with the canary put there on purpose.
"""

import base64
import json
import secrets
import string
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg2
import pytest
import requests
from redis import Redis
from websockets.exceptions import ConnectionClosed

from tests.app.conftest import API
from tests.servers import wait_until
from tests.standins.plex_sample import Sample
from tests.standins.video_site import VideoSite
from tests.system import System

OTHER_KEY = "0123456789abcdefghijklmnopqrstuv"
PLACES = {"log", "answers", "feed", "redis", "command line", "database", "files"}
MARKS = string.ascii_letters + string.digits


READERS: dict[bytes, Callable[[Redis, bytes], Any]] = {
    b"string": Redis.get,
    b"hash": Redis.hgetall,
    b"set": Redis.smembers,
    b"stream": Redis.xrange,
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
}
"""How what is in Redis is read, for each type."""


def canary(kind: str) -> str:
    """A secret that is like no other text, and can be everything that a secret can be."""
    return f"{kind}-" + "".join(secrets.choice(MARKS) for _ in range(24))


@dataclass
class Scene:
    """An installation; the secrets that were given to it, by what they are; and all that came out of it, by place."""

    system: System
    plex: Sample
    site: VideoSite
    secrets: dict[str, str] = field(default_factory=dict)
    output: dict[str, list[bytes]] = field(default_factory=dict)
    browser: requests.Session = field(default_factory=requests.Session)

    def url(self, path: str) -> str:
        return f"{self.system.url}{path}"

    def make(self, kind: str) -> str:
        return self.secrets.setdefault(kind, canary(kind.replace(" ", "-")))

    def came_out(self, place: str, data: bytes | str) -> None:
        self.output.setdefault(place, []).append(data if isinstance(data, bytes) else data.encode())

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Ask as the browser that is signed in; what is answered came out, but for the headers that hand over a cookie."""
        answer = self.browser.request(method, self.url(path), json=body, timeout=20, **options)
        self.came_out("answers", answer.content + str(_without_cookies(answer)).encode())
        return answer

    def found(self, secret: str) -> set[str]:
        """The places where a secret is, however it is written."""
        forms = _forms(secret)
        return {
            place
            for place, texts in self.output.items()
            if any(form in text for text in texts for form in forms)
        }


def _without_cookies(answer: requests.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}


def _forms(secret: str) -> list[bytes]:
    """As it is, in an address, in JSON, in hex, and in base64 wherever in a text it begins."""
    plain = secret.encode()
    shifted = [base64.b64encode(b"." * start + plain)[4:-4] for start in range(3)]
    return [
        plain,
        quote(secret, safe="").encode(),
        json.dumps(secret).encode(),
        plain.hex().encode(),
        *shifted,
    ]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, site: VideoSite
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("canaries")
    with ExitStack() as stack:
        plex = stack.enter_context(Sample())
        secrets_then = {"token of plex": plex.owner.token}
        secrets_then |= {
            kind: canary(kind.replace(" ", "-")) for kind in ("key of overseerr", "token of metrics")
        }
        database = ""
        if request.param == "postgres":
            server = request.getfixturevalue("postgres_server")
            database = server.create_database()
            stack.callback(server.drop_database, database)
        system = System(
            folder,
            site=site,
            PLEX_URL=plex.plex.base,
            PLEX_TOKEN=plex.owner.token,
            PLEX_TV_URL=plex.plex_tv.base,
            PLEX_APP_URL=plex.plex_tv.base,
            DATABASE_URL=database,
            MEDIANEST_LOG="json",
            MEDIANEST_METRICS_TOKEN=secrets_then["token of metrics"],
            OVERSEERR_URL="http://127.0.0.1:9",
            OVERSEERR_API_KEY=secrets_then["key of overseerr"],
        )
        scene = Scene(stack.enter_context(system), plex, site, secrets_then)
        live(scene)
        system.stop()
        dump(scene, database)
        yield scene


def live(scene: Scene) -> None:
    """All that people do with secrets, right and wrong, and then everything that can be read."""
    set_up(scene)
    sign_in(scene)
    with followed(scene):
        connect_services(scene)
        send_garbage(scene)
        run_jobs(scene)
        scene.system.medianest("secrets", "rotate", "--wait", "0")
    read_everything(scene)
    read_redis(scene)


def set_up(scene: Scene) -> None:
    code = scene.system.setup_code
    scene.secrets["code of set-up"] = code
    wrong = {"code": scene.make("wrong code"), "username": "ann", "password": scene.make("refused password")}
    assert scene.ask("POST", f"{API}/auth/setup", wrong).status_code == 403
    right = {"code": code, "username": "ann", "password": scene.make("password")}
    assert scene.ask("POST", f"{API}/auth/setup", right).status_code == 201
    scene.secrets["first session"] = scene.browser.cookies["mn_session"]
    scene.secrets["key of the installation"] = (scene.system.data / "secret-key").read_text().strip()
    scene.secrets["token of this machine"] = (scene.system.data / "local-token").read_text().strip()


def sign_in(scene: Scene) -> None:
    wrong = {"username": "ann", "password": scene.make("wrong password")}
    assert scene.ask("POST", f"{API}/auth/login", wrong).status_code == 401
    right = {"username": "ann", "password": scene.secrets["password"]}
    assert scene.ask("POST", f"{API}/auth/login", right).status_code == 200
    scene.secrets["session"] = scene.browser.cookies["mn_session"]
    made = scene.browser.post(
        scene.url(f"{API}/me/tokens"), json={"label": "mark-of-a-token"}, timeout=20
    ).json()
    scene.secrets["personal token"] = made["token"].rpartition("_")[2]
    sign_in_with_plex(scene)


def sign_in_with_plex(scene: Scene) -> None:
    friend = requests.Session()
    begun = friend.post(scene.url(f"{API}/auth/plex"), timeout=20)
    scene.secrets["pending sign-in"] = friend.cookies["mn_sign_in"]
    scene.secrets["friend's token of plex"] = scene.plex.plex_tv.claim(
        begun.json()["code"], scene.plex.friend
    )

    def entered() -> bool:
        answer = friend.get(scene.url(f"{API}/auth/plex"), timeout=20)
        scene.came_out("answers", answer.content)
        return bool(answer.json()["state"] == "signed_in")

    wait_until(entered, 20, "the friend to be signed in")
    scene.secrets["session of the friend"] = friend.cookies["mn_session"]
    server = scene.plex.plex_tv.accounts.access_token(scene.plex.server, scene.plex.friend)
    assert server is not None
    scene.secrets["friend's token of the server"] = server


def connect_services(scene: Scene) -> None:
    plex, kuma = f"{API}/services/plex", f"{API}/services/uptime_kuma"
    wrong = {"url": scene.plex.plex.base, "token": scene.make("wrong token of plex")}
    assert scene.ask("PUT", plex, wrong).status_code == 200
    tried = {"url": scene.plex.plex.base, "token": scene.make("tried token of plex")}
    assert scene.ask("POST", f"{plex}/test", tried).status_code == 200
    away = {"url": "http://127.0.0.1:9", "token": scene.make("token of plex that is away")}
    assert scene.ask("POST", f"{plex}/test", away).status_code == 200
    here = {"url": scene.plex.plex.base, "token": scene.secrets["token of plex"]}
    assert scene.ask("PUT", plex, here).status_code == 200
    key = {
        "url": f"http://127.0.0.1:{urlsplit(scene.site.base).port}",
        "api_key": scene.make("key of uptime kuma"),
    }
    assert scene.ask("PUT", kuma, key).status_code == 200


def send_garbage(scene: Scene) -> None:
    """Requests that are refused, with a secret in each place where one could slip in."""
    stray = scene.make("stray")
    for method, path, body in (
        ("PUT", f"{API}/services/plex", {"url": [stray], "token": {"deep": stray}, "api_key": stray}),
        ("PUT", f"{API}/services/plex", {"url": f"http://ann:{stray}@127.0.0.1:1", "token": stray}),
        ("PUT", f"{API}/services/plex", {"url": f"ftp://{stray}", "token": f"{stray} {stray}"}),
        ("POST", f"{API}/auth/login", {"username": ["ann"], "password": [stray]}),
        ("POST", f"{API}/auth/setup", {"code": stray, "username": "", "password": stray}),
        ("POST", f"{API}/jobs", {"kind": "download", "params": {"url": f"http://ann:{stray}@127.0.0.1/a"}}),
        ("POST", f"{API}/jobs", {"kind": "download", "params": {"url": 5, "password": stray}}),
        ("PUT", f"{API}/me/cookies/video.example", {"cookies": f"video.example {stray}"}),
        ("PUT", f"{API}/me/cookies/video.example", {"cookies": [stray]}),
        ("POST", f"{API}/me/tokens", {"label": 5, "token": stray}),
    ):
        assert scene.ask(method, path, body).status_code in (401, 403, 409, 422), (method, path, body)
    scene.ask(
        "POST",
        f"{API}/auth/login",
        data=f'{{"password": "{stray}"',
        headers={"Content-Type": "application/json"},
    )
    for headers in (
        {"Authorization": f"Bearer {stray}"},
        {"Cookie": f"mn_session={stray}; mn_sign_in={stray}"},
    ):
        answer = requests.get(scene.url(f"{API}/me"), headers=headers, timeout=20)
        scene.came_out("answers", answer.content)
        assert answer.status_code == 401


def run_jobs(scene: Scene) -> None:
    lent = scene.make("lent cookie")
    rows = [
        f"127.0.0.1\tFALSE\t/\tFALSE\t0\t{name}\t{value}"
        for name, value in (("session", "open"), ("mark", lent))
    ]
    assert scene.ask("PUT", f"{API}/me/cookies/127.0.0.1", {"cookies": "\n".join(rows)}).status_code == 204
    for path in ("/members/small.mp4?mark-of-a-job", "/status/500"):
        job = scene.ask(
            "POST", f"{API}/jobs", {"kind": "download", "params": {"url": scene.site.url(path)}}
        ).json()
        scene.system.wait_for(job["id"], "succeeded", "failed", "scheduled", seconds=60)
    probe = scene.ask("POST", f"{API}/jobs", {"kind": "probe"}).json()
    scene.system.wait_for(probe["id"], "succeeded", seconds=60)
    assert any(lent in (request.cookie or "") for request in scene.site.requests), "the cookie was never used"


@contextmanager
def followed(scene: Scene) -> Iterator[None]:
    """All that the feed says meanwhile comes out."""

    def read() -> None:
        with suppress(ConnectionClosed):
            while True:
                scene.came_out("feed", feed.recv())

    with scene.system.feed() as feed:
        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            feed.close()
            reader.join()


def read_everything(scene: Scene) -> None:
    """Whatever can be read by GET, as the admin, the friend and a nobody; what the command line shows."""
    secrets = scene.secrets
    people: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": f"Bearer {scene.system.local_token}"},
        {"Cookie": f"mn_session={secrets['session']}"},
        {"Cookie": f"mn_session={secrets['session of the friend']}"},
    )
    document = requests.get(scene.url(f"{API}/openapi.json"), timeout=20).json()
    for headers in people:
        for path in addresses(scene, document):
            answer = requests.get(scene.url(path), headers=headers, timeout=20)
            assert answer.status_code < 500, (path, answer.text)
            scene.came_out("answers", answer.content + str(_without_cookies(answer)).encode())
    for words in (("jobs",), ("user", "list"), ("audit",), ("token", "list", "--user", "ann"), ("doctor",)):
        done = scene.system.medianest(*words, check=False)
        scene.came_out("command line", done.stdout + done.stderr)


def addresses(scene: Scene, document: dict[str, Any]) -> Iterator[str]:
    """Every address that GET knows: the lists, and what they list."""
    yield from ("/", "/account", "/people", "/services", "/audit", f"{API}/docs", f"{API}/openapi.json")
    for path in [path for path, calls in document["paths"].items() if "get" in calls]:
        if "{" not in path:
            yield path
            continue
        items = scene.system.call("GET", path.partition("/{")[0] + "?limit=200").body["items"]
        for item in items:
            name = path[path.index("{") + 1 : path.index("}")]
            yield path.replace(f"{{{name}}}", quote(str(item.get("id") or item.get("name"))))
    yield from (f"{API}/admin/audit?format={form}" for form in ("csv", "jsonl"))


def read_redis(scene: Scene) -> None:
    url = (scene.system.data / "run" / "redis.url").read_text().strip()
    with Redis.from_url(url) as redis:
        for key in redis.scan_iter():
            value = READERS[redis.type(key)](redis, key)
            scene.came_out("redis", repr((key, value)))


def dump(scene: Scene, url: str) -> None:
    """The log, the database and every file of the installation but the two that are made to hold a secret."""
    scene.came_out("log", scene.system.log.read_bytes())
    if url:
        scene.came_out("database", everything_in(url))
    for file in scene.system.data.rglob("*"):
        if file.is_file() and file.name not in ("secret-key", "local-token"):
            place = "database" if file.name.startswith("medianest.db") else "files"
            scene.came_out(place, file.read_bytes())


def everything_in(url: str) -> str:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            texts += [text for (text,) in cursor.fetchall()]
    connection.close()
    return "\n".join(texts)


def test_no_secret_comes_out_anywhere(scene: Scene) -> None:
    assert len(scene.secrets) > 20
    found = {kind: places for kind, secret in scene.secrets.items() if (places := scene.found(secret))}
    printed = {"code of set-up": {"log"}}  # the terminal shows it, as long as there is no admin
    assert found == printed


def test_the_code_of_set_up_is_only_in_the_line_that_shows_it(scene: Scene) -> None:
    code = scene.secrets["code of set-up"].encode()
    lines = [line for text in scene.output["log"] for line in text.splitlines() if code in line]
    assert lines and all(line.endswith(b"Setup code: " + code) for line in lines)


def test_every_place_was_looked_at(scene: Scene) -> None:
    """What is no secret and must be in each of them is found by the same search."""
    assert {place for place, texts in scene.output.items() if any(texts)} == PLACES
    assert scene.found("mark-of-a-token") >= {"answers", "command line", "database"}
    assert scene.found("mark-of-a-job") >= {"answers", "feed", "database"}
    assert scene.found("medianest_http_seconds_bucket") >= {"answers"}
    assert scene.found("hello") >= {"feed"} and scene.found("request_id") >= {"log"}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_the_search_finds_what_is_there(scene: Scene, place: str) -> None:
    kept, secret = scene.output[place], scene.secrets["personal token"]
    for form in _forms(secret):
        scene.output[place] = [*kept, b"something " + form + b" else"]
        assert scene.found(secret) == {place}
    for start in range(3):
        scene.output[place] = [*kept, base64.b64encode(b"user:"[:start] + secret.encode() + b":more")]
        assert scene.found(secret) == {place}
    scene.output[place] = kept
    assert scene.found(secret) == set()


def test_a_secret_that_somebody_shows_themselves_is_found_where_it_went(
    tmp_path: Path, site: VideoSite
) -> None:
    """The whole way once more, with a secret put where it is shown: as a label, and in an address."""
    with Sample() as plex, System(tmp_path, site=site, PLEX_URL=plex.plex.base) as system:
        scene = Scene(system, plex, site)
        set_up(scene)
        shown = scene.make("shown")
        scene.ask("POST", f"{API}/me/tokens", {"label": shown})
        with followed(scene):
            job = scene.ask(
                "POST", f"{API}/jobs", {"kind": "download", "params": {"url": site.url(f"/{shown}")}}
            )
            system.wait_for(job.json()["id"], "failed", "scheduled", seconds=60)
        system.stop()
        dump(scene, "")
        assert scene.found(shown) >= {"answers", "feed", "database"}
