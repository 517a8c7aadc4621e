"""The audit log: what is in it, how it is read, and that nobody rewrites it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from peewee import DatabaseError

from app.accounts import export, tokens, users
from app.accounts import setup as first_run
from config.database import change, query, transaction
from pipelines.models import audit, download
from tests.app.conftest import API, PASSWORD, Caller
from tests.app.web_process import WebServer

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def written(action: str, actor_id: int | None = None, **more: Any) -> None:
    audit.record(action, actor_id=actor_id, actor=more.pop("actor", ""), **more)


def listed(admin: Caller, query_string: str = "") -> list[dict[str, Any]]:
    response = admin.get(f"/admin/audit?{query_string}")
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.get_json()["items"]
    return items


def actions(admin: Caller, query_string: str = "") -> list[str]:
    return [entry["action"] for entry in listed(admin, query_string)]


def test_an_entry_says_who_did_what_from_where(admin: Caller, friend: Caller) -> None:
    written("user.changed", friend.id, actor="bob", address="192.0.2.1", target="ann", detail={"x": ["é", 1]})
    written("auth.login_failed", target="eve")
    written("secrets.rotated", 0, actor="local")
    local, nobody, somebody = listed(admin)
    assert somebody["actor"] == {"id": str(friend.id), "name": "bob"}
    assert (somebody["address"], somebody["target"], somebody["detail"]) == (
        "192.0.2.1",
        "ann",
        {"x": ["é", 1]},
    )
    assert abs(datetime.fromisoformat(somebody["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert (nobody["actor"], nobody["target"], nobody["detail"]) == (None, "eve", {})
    assert local["actor"] == {"id": "0", "name": "local"}
    assert int(local["id"]) > int(nobody["id"]) > int(somebody["id"])


def test_the_log_takes_new_lines_only(bound_database: str) -> None:
    written("auth.login")
    for statement in ("UPDATE audit SET action = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 1"):
        with pytest.raises(DatabaseError, match="append-only"):
            change(statement)
    if bound_database.startswith("postgres"):
        with pytest.raises(DatabaseError, match="append-only"):
            change("TRUNCATE audit")
    assert [row["action"] for row in query("SELECT action FROM audit")] == ["auth.login"]


def test_an_entry_stands_or_falls_with_the_change(bound_database: str) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        written("user.deleted")
        raise ZeroDivisionError
    assert query("SELECT * FROM audit") == []


def test_filters_choose_and_add_up(admin: Caller, friend: Caller) -> None:
    written("auth.login", friend.id, actor="bob", address="192.0.2.1")
    written("auth.login_failed", target="100%_sure", address="192.0.2.2")
    written("authentic", admin.id, actor="ann", detail={"title": "Die Brücke"})
    assert actions(admin, "action=auth") == ["auth.login_failed", "auth.login"]
    assert actions(admin, "action=auth.login") == ["auth.login"]
    assert actions(admin, f"actor={friend.id}") == ["auth.login"]
    assert actions(admin, f"actor={friend.id}&action=authentic") == []
    assert actions(admin, "actor=0") == []
    assert actions(admin, "q=BOB") == ["auth.login"]
    assert actions(admin, "q=192.0.2.") == ["auth.login_failed", "auth.login"]
    assert actions(admin, "q=0%25_s") == ["auth.login_failed"]
    assert actions(admin, "q=%25%25") == []
    assert actions(admin, "q=Brücke") == ["authentic"]
    assert actions(admin, "action=auth%25") == []


def test_times_choose_since_included_and_until_excluded(admin: Caller) -> None:
    for action in ("first", "second", "third"):
        written(action)
    first, second, third = (row["at"] for row in query("SELECT at FROM audit ORDER BY id"))
    assert first <= second <= third

    def zoned(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")

    assert actions(admin, f"since={zoned(third + 1)}") == []
    assert actions(admin, f"until={zoned(first - 1)}") == []
    assert actions(admin, f"since={zoned(first - 1)}&until={zoned(third + 1)}") == [
        "third",
        "second",
        "first",
    ]
    exact = audit.Chosen(since=second, until=third)
    between = [row["action"] for row in audit.newest_first(exact, 10)]
    assert between == [
        row["action"]
        for row in query(
            "SELECT action FROM audit WHERE at >= %s AND at < %s ORDER BY id DESC", second, third
        )
    ]


def test_pages_follow_each_other_while_new_entries_come(admin: Caller) -> None:
    for number in range(7):
        written(f"n{number}")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = admin.get(f"/admin/audit?limit=3{f'&cursor={cursor}' if cursor else ''}").get_json()
        seen += [entry["action"] for entry in page["items"]]
        cursor = page["next_cursor"]
        written("meanwhile")
    assert seen == [f"n{number}" for number in reversed(range(7))]


@on_sqlite
@pytest.mark.parametrize(
    ("query_string", "field"),
    [
        ("since=yesterday", "since"),
        ("until=2030-01-01", "until"),
        ("since=2030-13-01T00:00:00Z", "since"),
        ("format=xml", "format"),
        ("actor=bob", "actor"),
        ("actor=-1", "actor"),
        ("q=%00", "q"),
        ("action=%0a", "action"),
        ("limit=0", "limit"),
        ("cursor=!!", "cursor"),
        ("who=me", "who"),
    ],
)
def test_wrong_questions_are_422(admin: Caller, query_string: str, field: str) -> None:
    response = admin.get(f"/admin/audit?{query_string}")
    assert (response.status_code, response.get_json()["code"]) == (422, "invalid_fields")
    assert [error["field"] for error in response.get_json()["errors"]] == [field]


def test_csv_is_a_table_that_computes_nothing(admin: Caller) -> None:
    for odd in ("=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"):
        written("auth.login_failed", target=odd)
    written("auth.login", 5, actor="=evil", target='a, "b"\nc', address="::1", detail={"é": 1})
    response = admin.get("/admin/audit?format=csv&limit=1")
    assert response.content_type == "text/csv; charset=utf-8; header=present"
    assert response.headers["Content-Disposition"] == 'attachment; filename="medianest-audit.csv"'
    text = response.data.decode()
    assert text.startswith("id,at,actor_id,actor,address,action,target,detail\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["target"] for row in rows] == ['a, "b"\nc', "\r'=1", "\t'=1", "'@sum", "'-1", "'+1", "'=1+1"]
    assert (rows[0]["actor_id"], rows[0]["actor"], rows[0]["detail"]) == ("5", "'=evil", '{"é":1}')
    assert (rows[1]["actor_id"], rows[1]["actor"]) == ("", "")
    assert not [cell for row in rows for cell in row.values() if cell.startswith(export.FORMULA)]


@on_sqlite
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_is_a_formula_whatever_separates_the_columns(admin: Caller, separator: str) -> None:
    formula = '=HYPERLINK("http://evil.example")'
    for odd in (";", "\t", "\n", "\r\n", 'a; "', "x;;\t;", "a;\u00a0", '"', " "):
        written("auth.login_failed", target=f"{odd}{formula}", detail={"name": f"{odd}{formula}"})
    text = admin.get("/admin/audit?format=csv").data.decode()
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.strip(' "\t\r\n\u00a0').startswith(export.FORMULA)]
    assert "'=HYPERLINK" in text


def test_plain_text_is_told_as_it_is(admin: Caller) -> None:
    plain = 'one; two\tthree - "four"; five=5, a@b'
    written("auth.login_failed", target=plain)
    rows = list(csv.DictReader(io.StringIO(admin.get("/admin/audit?format=csv").data.decode(), newline="")))
    assert [row["target"] for row in rows] == [plain]


def test_json_lines_are_the_same_entries(admin: Caller) -> None:
    written("auth.login", admin.id, actor="ann", detail={"line": "one\ntwo"})
    written("other")
    response = admin.get("/admin/audit?format=jsonl&action=auth")
    assert response.content_type == "application/x-ndjson"
    assert "medianest-audit.jsonl" in response.headers["Content-Disposition"]
    assert [json.loads(line) for line in response.data.decode().splitlines()] == listed(admin, "action=auth")


def test_a_file_has_all_there_is_and_holds_no_connection_while_it_is_read(
    served: WebServer, bound_database: str
) -> None:
    account = users.create("ann", None, "admin")
    _, token = tokens.create(account, "test", ["admin"])
    values = ", ".join(["(NOW, 'many', '', '', %s, '{}')"] * 500)
    for start in range(0, 2500, 500):
        targets = [f"target {start + number}" for number in range(500)]
        change(f"INSERT INTO audit (at, action, actor, address, target, detail) VALUES {values}", *targets)
    status, body, headers = served.ask(
        "GET", f"{API}/admin/audit?format=jsonl", headers={"Authorization": f"Bearer {token}"}
    )
    assert (status, headers["Transfer-Encoding"]) == (200, "chunked")
    lines = [json.loads(line) for line in body.splitlines()]
    assert [line["target"] for line in lines] == [f"target {number}" for number in reversed(range(2500))]


@pytest.fixture
def first_time(app: Flask) -> FlaskClient:
    return app.test_client()


def test_signing_in_and_out_is_written_down(first_time: FlaskClient) -> None:
    claim = {"code": "AAAA-BBBB-CCCC", "username": "Dora", "password": PASSWORD}
    assert first_time.post(f"{API}/auth/setup", json=claim).status_code == 403
    assert first_time.post(f"{API}/auth/setup", json={**claim, "code": first_run.code()}).status_code == 201
    first_time.post(f"{API}/auth/logout")
    first_time.post(f"{API}/auth/logout")
    for name, password in (("dora", "wrong"), ("x" * 150, "wrong"), ("dora", PASSWORD)):
        first_time.post(f"{API}/auth/login", json={"username": name, "password": password})
    entries = first_time.get(f"{API}/admin/audit").get_json()["items"]
    assert [(entry["action"], entry["target"], bool(entry["actor"])) for entry in entries] == [
        ("auth.login", "Dora", True),
        ("auth.login_failed", "", False),  # what was typed may be a password in the wrong field
        ("auth.login_failed", "Dora", False),
        ("auth.logout", "Dora", True),
        ("auth.setup", "Dora", True),
        ("auth.setup_failed", "Dora", False),
    ]
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}
    assert PASSWORD not in str(query("SELECT * FROM audit"))


def test_changes_of_queues_and_cookies_and_deleted_downloads_are_written_down(
    admin: Caller, friend: Caller
) -> None:
    admin.ask("PATCH", "/admin/queues/echo", {"paused": True})
    text = ".example.com\tTRUE\t/\tTRUE\t1893456000\tsession\thunter2-canary\n"
    friend.ask("PUT", "/me/cookies/example.com", {"cookies": text})
    friend.delete("/me/cookies/example.com")
    assert friend.delete("/me/cookies/example.com").status_code == 404
    result = {
        "title": "Film",
        "uploader": None,
        "duration": None,
        "source_url": "x",
        "files": [{"path": "a"}],
    }
    download.record(1, friend.id, "generic", "x", "video", result)
    (found,) = friend.get("/downloads").get_json()["items"]
    friend.delete(f"/downloads/{found['id']}")
    log = listed(admin)
    assert [(entry["action"], entry["target"], entry["detail"]) for entry in log] == [
        ("download.deleted", found["id"], {"title": "Film", "files": False}),
        ("cookies.forgotten", "example.com", {}),
        ("cookies.stored", "example.com", {}),
        ("queue.changed", "echo", {"paused": True}),
    ]
    assert [entry["actor"]["name"] for entry in log] == ["bob", "bob", "bob", "ann"]
    assert "canary" not in str(query("SELECT * FROM audit"))
