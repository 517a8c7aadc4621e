"""Queues and workers as admins see and steer them."""

from typing import Any

import pytest
from flask import Flask

from config.database import change
from pipelines.jobs import state
from pipelines.jobs.claim import claim
from pipelines.jobs.lease import Worker
from tests.app.conftest import Caller


def shown(admin: Caller, name: str = "echo") -> dict[str, Any]:
    items = admin.get("/admin/queues").get_json()["items"]
    found: dict[str, Any] = next(each for each in items if each["name"] == name)
    return found


def test_a_queue_tells_what_stands_in_it(admin: Caller, friend: Caller) -> None:
    jobs = [int(friend.submit()["id"]) for _ in range(4)]
    friend.submit(scheduled_at="2999-01-01T00:00:00Z")
    state.pause(jobs[3])
    claim("echo", 1)
    change("UPDATE job SET created_at = created_at - 60 WHERE id = %s", jobs[1])
    now = shown(admin)
    assert (now["queued"], now["running"], now["scheduled"], now["paused_jobs"]) == (2, 1, 1, 1)
    assert 60 <= now["oldest_seconds"] < 90
    assert (now["kinds"], now["paused"], now["limit"], now["workers"], now["threads"]) == (
        ["echo"],
        False,
        None,
        0,
        0,
    )
    download = shown(admin, "download")
    assert (download["per_user"], download["per_host"], download["oldest_seconds"]) == (2, 2, None)


def test_a_pause_holds_until_it_is_lifted(admin: Caller, friend: Caller) -> None:
    friend.submit()
    answer = admin.ask("PATCH", "/admin/queues/echo", {"paused": True})
    assert (answer.status_code, answer.get_json()["paused"]) == (200, True)
    assert claim("echo", 1) is None
    assert admin.ask("PATCH", "/admin/queues/echo", {"paused": False}).get_json()["paused"] is False
    assert claim("echo", 1) is not None


def test_a_limit_is_kept_when_only_the_pause_changes_and_lifted_by_null(
    admin: Caller, friend: Caller
) -> None:
    for _ in range(3):
        friend.submit()
    assert admin.ask("PATCH", "/admin/queues/echo", {"limit": 1}).get_json()["limit"] == 1
    assert admin.ask("PATCH", "/admin/queues/echo", {"paused": False}).get_json()["limit"] == 1
    assert claim("echo", 1) is not None and claim("echo", 1) is None
    assert admin.ask("PATCH", "/admin/queues/echo", {"limit": None}).get_json()["limit"] is None
    assert claim("echo", 1) is not None


@pytest.mark.parametrize(
    "body",
    [{}, {"limit": 0}, {"limit": "2"}, {"limit": 1001}, {"paused": 1}, {"paused": None}, {"speed": 1}, []],
)
def test_settings_that_make_no_sense_are_refused(admin: Caller, body: Any) -> None:
    answer = admin.ask("PATCH", "/admin/queues/echo", body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_fields")
    assert shown(admin)["limit"] is None


def test_there_are_no_other_queues(admin: Caller) -> None:
    assert admin.ask("PATCH", "/admin/queues/nothing", {"paused": True}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/admin/queues", None),
        ("PATCH", "/admin/queues/echo", {"paused": True}),
        ("GET", "/admin/workers", None),
    ],
)
def test_this_is_for_admins(friend: Caller, method: str, path: str, body: Any) -> None:
    assert friend.ask(method, path, body).status_code == 403


def test_workers_tell_what_they_do(admin: Caller, friend: Caller) -> None:
    job = friend.submit()
    worker = Worker(["echo", "other"], 3)
    try:
        claim("echo", worker.id)
        state.progress(int(job["id"]), 1, {"percent": 12.5})
        worker._beat()
        (item,) = admin.get("/admin/workers").get_json()["items"]
        assert (item["id"], item["queues"], item["threads"]) == (str(worker.id), ["echo", "other"], 3)
        assert item["alive"] and not item["draining"] and item["memory_bytes"] > 10_000_000
        (run,) = item["running"]
        assert (run["id"], run["kind"], run["attempt"], run["percent"]) == (job["id"], "echo", 1, 12.5)
        assert run["owner"]["name"] == "bob"
        assert (shown(admin)["workers"], shown(admin)["threads"]) == (1, 3)
        worker.drain()
        worker._beat()
        assert admin.get("/admin/workers").get_json()["items"][0]["draining"] and shown(admin)["workers"] == 0
        change("UPDATE worker SET beat_at = beat_at - 60")
        assert admin.get("/admin/workers").get_json()["items"][0]["alive"] is False
    finally:
        worker.leave()
    assert admin.get("/admin/workers").get_json()["items"] == []


def scrape(app: Flask, admin: Caller) -> list[str]:
    page = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {admin.token}"})
    return page.get_data(as_text=True).splitlines()


def test_metrics_show_queues_and_workers(app: Flask, admin: Caller, friend: Caller) -> None:
    friend.submit()
    friend.submit()
    worker = Worker(["echo"], 3)
    try:
        claim("echo", worker.id)
        admin.ask("PATCH", "/admin/queues/echo", {"paused": True})
        lines = scrape(app, admin)
    finally:
        worker.leave()
    for line in (
        'medianest_queue_depth{queue="echo"} 1.0',
        'medianest_queue_running{queue="echo"} 1.0',
        'medianest_queue_paused{queue="echo"} 1.0',
        'medianest_jobs{state="queued"} 1.0',
        'medianest_workers{queue="echo"} 1.0',
        'medianest_worker_threads{queue="echo"} 3.0',
        'medianest_workers_draining{queue="echo"} 0.0',
    ):
        assert line in lines
    assert any(line.startswith('medianest_queue_oldest_seconds{queue="echo"}') for line in lines)
