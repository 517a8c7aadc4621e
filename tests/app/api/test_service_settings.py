"""An admin says where services are and tries that out; secrets come in, and nobody but their service sees them again."""

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.accounts import tokens
from config import database
from config.database import change, query
from config.redis import FEED_STREAM, quick
from config.settings import settings
from pipelines.integrations import visit
from pipelines.jobs.events import publisher
from pipelines.models.connection import connection, store
from tests.app.conftest import API, Caller
from tests.app.web_process import WebServer
from tests.standins.plex_http import Listener
from tests.standins.plex_sample import Sample
from tests.standins.side_services import Overseerr, Signpost, UptimeKuma

CANARY = "canary-of-a-secret"
FOR_ADMINS = {"url", "has_secret"}

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def sample() -> Iterator[Sample]:
    with Sample() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Sample]:
    """Another world, with a server of its own."""
    with Sample() as running:
        yield running


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "PATIENCE", 1.5)


def say(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Change the environment."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()


def put(caller: Caller, name: str = "plex", **body: Any) -> TestResponse:
    return caller.ask("PUT", f"/services/{name}", body)


def connect(admin: Caller, sample: Sample) -> dict[str, Any]:
    response = put(admin, url=sample.plex.base, token=sample.owner.token)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def tried(caller: Caller, name: str = "plex", **body: Any) -> dict[str, Any]:
    response = caller.post(f"/services/{name}/test", body or None)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    assert set(found) == {"ok", "state", "latency_ms", "message", "advice", "server"}
    assert found["ok"] == (found["state"] == "up") and (found["ok"] or found["message"] or found["advice"])
    return found


def refused(response: TestResponse, field: str) -> str:
    problem = response.get_json()
    assert (response.status_code, problem["code"]) == (422, "invalid_fields"), response.text
    assert [error["field"] for error in problem["errors"]] == [field]
    assert CANARY not in response.text
    return str(problem["errors"][0]["message"])


def audited(action: str = "service.changed") -> list[dict[str, Any]]:
    rows = query("SELECT actor, target, detail FROM audit WHERE action = %s ORDER BY id", action)
    return [{**row, "detail": json.loads(row["detail"])} for row in rows]


def test_plex_is_connected_and_its_state_known_at_once(admin: Caller, friend: Caller, sample: Sample) -> None:
    found = connect(admin, sample)
    assert (found["name"], found["state"], found["message"]) == ("plex", "up", "")
    assert (found["url"], found["has_secret"]) == (sample.plex.base, True)
    assert found["latency_ms"] is not None and found["checked_at"] and found["uptime"] == 100.0
    here = connection("plex")
    assert (here.secret, here.identity) == (sample.owner.token, sample.server.machine_identifier)
    assert friend.get("/services/plex").get_json()["state"] == "up"
    assert admin.get("/services/plex").get_json() == found


def test_where_a_service_is_only_admins_see(admin: Caller, friend: Caller, sample: Sample) -> None:
    connect(admin, sample)
    for caller, names in ((admin, {"plex", "overseerr", "uptime_kuma"}), (friend, set())):
        listed = caller.get("/services").get_json()["items"]
        assert {item["name"] for item in listed if set(item) >= FOR_ADMINS} == names
        assert {item["name"] for item in listed if FOR_ADMINS & set(item)} == names
    assert admin.get("/services").get_json()["items"][4]["has_secret"] is False
    assert sample.plex.base not in friend.get("/services").text


def test_everyone_is_told_the_state_and_nothing_else(admin: Caller, sample: Sample) -> None:
    connect(admin, sample)
    publisher.flush()
    entries = str(quick().xrange(FEED_STREAM))
    assert '"service"' in entries and '"up"' in entries
    assert (
        sample.plex.base not in entries and sample.owner.token not in entries and "has_secret" not in entries
    )


def test_no_answer_no_row_and_no_audit_tells_the_secret(
    admin: Caller, friend: Caller, sample: Sample, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        put(admin, url=sample.plex.base, token=CANARY),
        put(admin, "overseerr", url=sample.plex.base, api_key=CANARY),
        admin.post("/services/plex/test"),
        admin.post("/services/plex/test", {"url": sample.plex.base, "token": f"{CANARY}2"}),
        put(admin, url=sample.plex.base, token=f"{CANARY}\n"),
        put(admin, url=f"http://{CANARY}@plex"),
        put(admin, url=sample.plex.base, token=[CANARY]),
        put(admin, url=sample.plex.base, tokens=CANARY),
        admin.get("/services"),
        friend.get("/services/plex"),
    ]
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 422, 422, 422, 422, 200, 200]
    assert not any(CANARY in each.text for each in answers)
    for table in ("connection", "audit", "service", "service_check"):
        assert CANARY not in str(query(f"SELECT * FROM {table}"))
    assert CANARY not in caplog.text + "".join(capfd.readouterr())
    assert connection("plex").secret == CANARY


def test_a_sealed_secret_opens_for_its_own_service_only(admin: Caller, sample: Sample) -> None:
    put(admin, url=sample.plex.base, token=sample.owner.token)
    put(admin, "overseerr", url=sample.plex.base, api_key="another")
    change("UPDATE connection SET secret = (SELECT secret FROM connection WHERE name = 'overseerr')")
    found = tried(admin)
    assert (found["state"], found["message"]) == ("degraded", "Its stored secret does not open any more.")
    assert "anew" in found["advice"]
    assert refused(put(admin, url=sample.plex.base), "token")
    assert put(admin, url=sample.plex.base, token=sample.owner.token).get_json()["state"] == "up"


def test_changes_are_written_down(admin: Caller, sample: Sample, other: Sample) -> None:
    connect(admin, sample)
    put(admin, url=sample.plex.base + "/")
    put(admin, url=other.plex.base, token=CANARY)
    put(admin, url=None)
    assert [each["detail"] for each in audited()] == [
        {"old_url": None, "url": sample.plex.base, "secret_changed": True},
        {"old_url": sample.plex.base, "url": sample.plex.base, "secret_changed": False},
        {"old_url": sample.plex.base, "url": other.plex.base, "secret_changed": True},
        {"old_url": other.plex.base, "url": None, "secret_changed": True},
    ]
    assert {(each["actor"], each["target"]) for each in audited()} == {("ann", "plex")}


def test_tests_are_written_down(admin: Caller, sample: Sample) -> None:
    tried(admin, url=sample.plex.base, token=sample.owner.token)
    tried(admin, url=sample.plex.base, token=CANARY)
    tried(admin, "overseerr")
    refused(admin.post("/services/plex/test", {"url": f"http://{CANARY}@plex"}), "url")
    assert audited("service.tested") == [
        {"actor": "ann", "target": "plex", "detail": {"url": sample.plex.base, "ok": True}},
        {"actor": "ann", "target": "plex", "detail": {"url": sample.plex.base, "ok": False}},
        {"actor": "ann", "target": "overseerr", "detail": {"url": None, "ok": False}},
    ]


@pytest.mark.parametrize("meanwhile", ["another secret", "disconnected"])
@pytest.mark.parametrize("before", ["set", "of the environment"])
def test_what_another_admin_stored_meanwhile_is_not_undone(
    admin: Caller, app: Flask, monkeypatch: pytest.MonkeyPatch, sample: Sample, before: str, meanwhile: str
) -> None:
    if before == "set":
        connect(admin, sample)
    else:
        say(monkeypatch, **sample.environment())
    known = len(sample.plex.requests)
    fault = sample.plex.switches.stall(times=1)
    answers: list[TestResponse] = []
    thread = threading.Thread(target=lambda: answers.append(put(admin, url=f"{sample.plex.base}/")))
    thread.start()
    sample.plex.wait_for(lambda log: len(log) > known)
    other = Caller(app.test_client(), admin.token)
    wanted = {"url": None} if meanwhile == "disconnected" else {"url": sample.plex.base, "token": CANARY}
    assert put(other, **wanted).status_code == 200
    fault.open()
    thread.join()
    assert (answers[0].status_code, answers[0].get_json()["code"]) == (409, "changed_meanwhile")
    here = connection("plex")
    assert (here.url, here.secret) == (wanted["url"], wanted.get("token"))
    assert len(audited()) == (2 if before == "set" else 1)


def test_the_secret_stays_if_it_is_left_out_and_goes_with_null(admin: Caller, sample: Sample) -> None:
    connect(admin, sample)
    assert put(admin, url=f"{sample.plex.base}/").get_json()["has_secret"] is True
    assert connection("plex").secret == sample.owner.token
    assert put(admin, url=sample.plex.base, token=None).get_json()["has_secret"] is False
    assert connection("plex").secret is None


def test_the_stored_secret_never_goes_to_another_place(admin: Caller, sample: Sample, other: Sample) -> None:
    connect(admin, sample)
    elsewhere = (
        other.plex.base,
        f"http://localhost:{sample.plex.port}",
        f"http://127.0.0.1:{other.plex.port}/x",
    )
    for url in elsewhere:
        assert "another address" in refused(put(admin, url=url), "token")
        assert "another address" in refused(admin.post("/services/plex/test", {"url": url}), "token")
    assert other.plex.requests == [] and len(audited()) == 1
    assert connection("plex").url == sample.plex.base
    assert put(admin, url=other.plex.base, token=None).status_code == 200
    assert put(admin, url=sample.plex.base).status_code == 200, "there is none to be kept"
    assert all(request.token != sample.owner.token for request in other.plex.requests)


def test_the_environments_secret_does_not_go_elsewhere_either(
    admin: Caller, monkeypatch: pytest.MonkeyPatch, sample: Sample
) -> None:
    say(monkeypatch, **sample.environment())
    found = admin.get("/services/plex").get_json()
    assert (found["state"], found["url"], found["has_secret"]) == ("starting", sample.plex.base, True)
    assert tried(admin)["ok"] and connection("plex").secret == sample.owner.token
    refused(put(admin, url="http://127.0.0.1:9"), "token")
    assert query("SELECT * FROM connection WHERE name = 'plex'") == []
    assert put(admin, url=sample.plex.base).get_json()["state"] == "up"
    say(monkeypatch, PLEX_TOKEN="another")
    assert connection("plex").secret == sample.owner.token, "the row counts from now on"


def test_a_service_is_disconnected_and_stays_so(
    admin: Caller, monkeypatch: pytest.MonkeyPatch, sample: Sample
) -> None:
    say(monkeypatch, PLEX_URL=sample.plex.base)
    found = put(admin, url=None).get_json()
    assert (found["state"], found["url"], found["has_secret"]) == ("unconfigured", None, False)
    assert admin.get("/health").get_json()["services"]["plex"] == "unconfigured"
    assert tried(admin)["state"] == "unconfigured"
    assert sample.plex.requests == []


def test_what_is_away_is_stored_all_the_same(admin: Caller, sample: Sample) -> None:
    sample.plex.stop()
    base = f"http://127.0.0.1:{sample.plex.port}"
    found = put(admin, url=base, token=sample.owner.token).get_json()
    assert (found["state"], found["url"]) == ("down", base)
    assert connection("plex").identity is None


def test_a_new_server_lets_everybodys_access_be_checked_anew(
    admin: Caller, friend: Caller, sample: Sample, other: Sample
) -> None:
    def checked() -> list[float | None]:
        return [row["checked_at"] for row in query("SELECT checked_at FROM account ORDER BY id")]

    connect(admin, sample)
    change("UPDATE account SET checked_at = 5.0")
    change("UPDATE account SET plex_id = 7 WHERE id = %s", friend.id)
    put(admin, url=sample.plex.base, token=CANARY)
    assert checked() == [5.0, 5.0], "the same server"
    sample.plex.switches.status(503)
    put(admin, url=sample.plex.base, token=sample.owner.token)
    assert checked() == [5.0, 5.0] and connection("plex").identity == sample.server.machine_identifier
    put(admin, url=other.plex.base, token=other.owner.token)
    assert checked() == [5.0, None]
    assert connection("plex").identity == other.server.machine_identifier


def test_another_server_at_the_same_address_is_told_and_accepted_by_storing_anew(
    admin: Caller, sample: Sample
) -> None:
    connect(admin, sample)
    sample.server.machine_identifier = "0123456789abcdef"
    found = tried(admin)
    assert (found["ok"], found["message"]) == (False, "Another server answers at its address.")
    assert connection("plex").identity != "0123456789abcdef"
    assert put(admin, url=sample.plex.base).get_json()["state"] == "up"
    assert connection("plex").identity == "0123456789abcdef"


def test_a_test_tells_what_is_there_and_stores_nothing(admin: Caller, sample: Sample) -> None:
    found = tried(admin, url=sample.plex.base, token=sample.owner.token)
    assert found["ok"] and found["latency_ms"] is not None
    assert found["server"] == {"name": sample.server.name, "version": sample.server.version}
    wrong = tried(admin, url=sample.plex.base, token=CANARY)
    assert (wrong["state"], wrong["message"]) == ("degraded", "It refuses the token.") and wrong["advice"]
    assert query("SELECT * FROM connection") == [] and audited() == []
    assert query("SELECT * FROM service_check") == []


@on_sqlite
@pytest.mark.parametrize(
    ("failure", "state"),
    [
        ("away", "down"),
        ("401", "down"),
        ("503", "starting"),
        ("500", "degraded"),
        ("malformed", "down"),
        ("stall", "down"),
        ("drip", "down"),
    ],
)
def test_each_failure_of_plex_is_told_in_words(
    admin: Caller, sample: Sample, hurry: None, failure: str, state: str
) -> None:
    switches = sample.plex.switches
    if failure.isdigit():
        switches.status(int(failure))
    elif failure == "drip":
        switches.drip(0.2)
    else:
        getattr(switches, failure)()
    found = tried(admin, url=sample.plex.base, token=sample.owner.token)
    assert (found["state"], found["ok"], found["server"]) == (state, False, None)
    assert found["message"] and found["advice"]
    assert "html" not in str(found).lower() and "migrations" not in str(found), "no body is echoed"
    switches.off()


@on_sqlite
def test_no_redirect_is_followed(admin: Caller, sample: Sample) -> None:
    with Signpost() as signpost:
        signpost.target = sample.plex.base
        found = tried(admin, url=signpost.base, token=CANARY)
        stored = put(admin, url=signpost.base, token=CANARY).get_json()
    assert (found["state"], found["message"]) == ("down", "It sends us on to another address.")
    assert stored["state"] == "down" and connection("plex").identity is None
    assert sample.plex.requests == []


@on_sqlite
def test_the_others_are_connected_with_a_key(admin: Caller) -> None:
    services: list[tuple[str, Listener]] = [
        ("overseerr", Overseerr(CANARY)),
        ("uptime_kuma", UptimeKuma(CANARY)),
    ]
    for name, listener in services:
        with listener:
            assert put(admin, name, url=listener.base, api_key=CANARY).get_json()["state"] == "up"
            assert tried(admin, name)["ok"]
            assert (
                tried(admin, name, url=listener.base, api_key="wrong")["message"] == "It refuses the API key."
            )
            assert "its secret is api_key" in refused(put(admin, name, url=listener.base, token="x"), "token")
    assert "its secret is token" in refused(put(admin, url="http://plex", api_key="x"), "api_key")


@on_sqlite
@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://169.254.169.254",
            "http://[::ffff:169.254.169.254]/",
            "http://0xa9fea9fe",
            "http://0.0.0.0:80",
        ),
        *("http://[fe80::1]", "http://224.0.0.1", "http://[ff02::1]", "http://100.100.100.200"),
        *("ftp://plex", "plex:32400", "", "http://", "http://u:p@plex", "http://plex?x", "http://plex#x"),
        f"http://plex/{'x' * 500}",
        5,
        {"url": "http://plex"},
    ],
)
def test_what_is_no_address_of_a_service_is_refused(admin: Caller, url: Any) -> None:
    refused(put(admin, url=url), "url")
    refused(admin.post("/services/plex/test", {"url": url}), "url")
    assert query("SELECT * FROM connection") == [] and audited() == []


@on_sqlite
@pytest.mark.parametrize("secret", ["", "a b", "é", "a\nb", "a\x00", "x" * 2049, 5, ["x"]])
def test_what_is_no_secret_is_refused(admin: Caller, secret: Any) -> None:
    refused(put(admin, url="http://127.0.0.1:9", token=secret), "token")


@on_sqlite
def test_the_longest_secret_is_kept(admin: Caller, sample: Sample) -> None:
    assert put(admin, url=sample.plex.base, token="x" * 2048).status_code == 200
    assert connection("plex").secret == "x" * 2048


@on_sqlite
def test_url_is_needed_and_a_secret_needs_it(admin: Caller) -> None:
    refused(put(admin, token=CANARY), "url")
    refused(put(admin, url=None, token=CANARY), "token")
    refused(put(admin, url="http://plex", mode=CANARY), "mode")


@on_sqlite
def test_a_test_takes_a_body_or_none(admin: Caller) -> None:
    def ask(**options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {admin.token}", **options.pop("headers", {})}
        return admin.client.post(f"{API}/services/plex/test", headers=headers, **options)

    assert ask().status_code == 200
    assert ask(data=b"").status_code == 200
    assert ask(data=b"{}", content_type="application/json").status_code == 422
    assert ask(data=b"{", content_type="application/json").status_code == 400
    assert ask(data=b"[]", content_type="application/json").status_code == 422
    assert ask(data=b"url=x", content_type="application/x-www-form-urlencoded").status_code == 415
    chunked = {"Transfer-Encoding": "chunked"}
    assert ask(headers=chunked, content_type="application/json").status_code == 411


@on_sqlite
def test_only_admins_set_and_test(friend: Caller, app: Flask, sample: Sample) -> None:
    nobody = Caller(app.test_client(), "")
    for caller, status in ((friend, 403), (nobody, 401)):
        assert put(caller, url=sample.plex.base, token=CANARY).status_code == status
        assert caller.post("/services/plex/test").status_code == status
        assert caller.post("/services/plex/test", {"url": sample.plex.base}).status_code == status
    assert sample.plex.requests == [] and query("SELECT * FROM connection") == []


@on_sqlite
def test_an_admins_token_without_that_scope_neither_sets_nor_sees(admin: Caller, app: Flask) -> None:
    _, token = tokens.create(admin.id, "narrow", ("read", "jobs"))
    narrow = Caller(app.test_client(), token)
    assert put(narrow, url="http://plex").get_json()["code"] == "missing_scope"
    assert narrow.post("/services/plex/test").status_code == 403
    assert not FOR_ADMINS & set(narrow.get("/services/plex").get_json())


@on_sqlite
def test_what_cannot_be_set_says_so(admin: Caller) -> None:
    response = put(admin, "disk", url="http://plex")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")
    assert admin.post("/services/disk/test").status_code == 404
    assert put(admin, "nas", url="http://plex").status_code == 404
    assert admin.post("/services/nas/test").status_code == 404


def test_no_connection_to_the_database_is_held_while_a_service_is_waited_for(
    admin: Caller, sample: Sample
) -> None:
    store("plex", sample.plex.base, None, None)
    fault = sample.plex.switches.stall()
    for ask in (lambda: tried(admin), lambda: put(admin, url=sample.plex.base)):
        before = len(sample.plex.requests)
        thread = threading.Thread(target=ask)
        thread.start()
        sample.plex.wait_for(lambda log, before=before: len(log) > before)  # type: ignore[misc]
        assert in_use() == 0
        fault.open()
        thread.join()
        sample.plex.switches.off()
        fault = sample.plex.switches.stall()
    sample.plex.switches.off()


def in_use() -> int:
    """Connections of the pool that somebody has, but for ours."""
    database.database.close()
    return len(database.database.obj._in_use)


def test_no_log_of_the_process_tells_a_secret(
    environment: Path, bound_database: str, admin: Caller, sample: Sample
) -> None:
    headers = {"Authorization": f"Bearer {admin.token}", "Content-Type": "application/json"}
    variables = {
        "DATABASE_URL": bound_database,
        "REDIS_URL": settings().redis_url,
        "MEDIANEST_DATA_DIR": str(environment),
        "OVERSEERR_URL": f"http://user:{CANARY}@127.0.0.1:9",
        "OVERSEERR_API_KEY": CANARY,
    }
    with WebServer(variables) as server:

        def ask(method: str, path: str, **body: Any) -> tuple[int, bytes]:
            return server.ask(method, f"{API}/services/{path}", json.dumps(body).encode(), headers)[:2]

        answers = [
            ask("PUT", "plex", url=sample.plex.base, token=CANARY),
            ask("POST", "plex/test", url=sample.plex.base, token=CANARY),
            ask("PUT", "plex", url=sample.plex.base, token=[CANARY]),
            ask("PUT", "overseerr", url="http://127.0.0.1:9", api_key="new"),
        ]
        change("UPDATE connection SET secret = 'v1.00000000.AAAA' WHERE name = 'plex'")
        answers.append(server.ask("POST", f"{API}/services/plex/test", None, headers)[:2])
        change("DROP TABLE connection")
        answers.append(ask("PUT", "plex", url=sample.plex.base, token=CANARY))
        log = server.log
    assert [status for status, _ in answers[:5]] == [200, 200, 422, 200, 200]
    assert answers[5][0] >= 500
    assert CANARY not in log and not any(CANARY.encode() in body for _, body in answers)
    assert CANARY not in str(query("SELECT * FROM audit"))
