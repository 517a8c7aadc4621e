"""Reading how services are and were."""

import pytest

from config.database import change
from pipelines.models import service
from tests.app.conftest import Caller

MEMBERS = {"name", "state", "latency_ms", "uptime", "since", "checked_at", "message"}


def test_all_services_are_listed_with_their_newest_check(friend: Caller) -> None:
    service.record("disk", "down", None, "gone")
    service.record("disk", "up", 1.5, "")
    items = friend.get("/services").get_json()["items"]
    assert [item["name"] for item in items] == [
        "database",
        "redis",
        "disk",
        "plex",
        "overseerr",
        "uptime_kuma",
    ]
    assert all(set(item) == MEMBERS for item in items)
    assert (items[0]["state"], items[3]["state"]) == ("starting", "unconfigured"), "before the first look"
    disk = items[2]
    assert (disk["state"], disk["latency_ms"], disk["uptime"]) == ("up", 1.5, 50.0)
    assert friend.get("/services/disk").get_json() == disk


def test_the_history_has_the_worst_state_and_the_mean_latency_of_each_while(friend: Caller) -> None:
    for state, latency in (("up", 10.0), ("down", None), ("up", 20.0)):
        service.record("plex", state, latency, "")
    change(
        "UPDATE service_check SET at = 1000000200.0 + (SELECT count(*) FROM service_check s WHERE s.id < service_check.id)"
    )
    assert friend.get("/services/plex/history?window=30d").get_json()["items"] == []
    change("UPDATE service_check SET at = NOW - 86400.0 * 2")
    assert friend.get("/services/plex/history").get_json()["items"] == []
    (item,) = friend.get("/services/plex/history?window=7d").get_json()["items"]
    assert (item["state"], item["latency_ms"], item["checks"]) == ("down", 15.0, 3)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_unknown_service_is_404_and_an_unknown_window_422(friend: Caller) -> None:
    assert friend.get("/services/nas").status_code == 404
    assert friend.get("/services/nas/history").status_code == 404
    response = friend.get("/services/plex/history?window=1y")
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == "window"


def test_metrics_count_live_jobs_and_answers_by_route(friend: Caller, admin: Caller) -> None:
    jobs = [friend.submit() for _ in range(3)]
    friend.post(f"/jobs/{jobs[0]['id']}/pause")
    friend.post(f"/jobs/{jobs[1]['id']}/cancel")
    response = admin.client.get("/metrics", headers={"Authorization": f"Bearer {admin.token}"})
    assert response.mimetype == "text/plain"
    for line in (
        'medianest_jobs{state="queued"} 1.0',
        'medianest_jobs{state="paused"} 1.0',
        'medianest_queue_depth{queue="echo"} 1.0',
        'medianest_http_seconds_count{method="POST",route="/api/v1/jobs/<job_id>/pause",status="202"}',
    ):
        assert line in response.text, line
    assert jobs[0]["id"] not in [word for line in response.text.splitlines() for word in line.split("/")]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_metrics_have_a_token_of_their_own(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MEDIANEST_METRICS_TOKEN", "scrape-me")
    client = request.getfixturevalue("app").test_client()

    def scrape(token: str) -> int:
        status: int = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code
        return status

    assert [scrape("scrape-me"), scrape("scrape-you"), scrape("ü"), scrape("")] == [200, 401, 401, 401]
