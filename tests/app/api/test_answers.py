"""Every list is read page by page in the same way."""

import pytest

from app.accounts import sessions, tokens
from app.accounts.identity import SCOPES
from config.database import change
from pipelines.models import service
from tests.app.conftest import Caller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LISTS = ["/kinds", "/services", "/services/disk/history", "/me/sessions", "/me/tokens"]


@pytest.fixture
def someone(friend: Caller) -> Caller:
    """Somebody for whom each list has several items."""
    for number in range(3):
        sessions.begin(friend.id, f"browser {number}")
        tokens.create(friend.id, f"script {number}", SCOPES)
        service.record("disk", "up", 1.0, "")
    change("UPDATE service_check SET at = at - 3600.0 * id")
    return friend


@pytest.mark.parametrize("path", LISTS)
def test_pages_together_are_the_list(someone: Caller, path: str) -> None:
    whole = someone.get(path).get_json()
    assert len(whole["items"]) >= 3 and whole["next_cursor"] is None
    page = someone.get(f"{path}?limit=2").get_json()
    found = page["items"]
    while page["next_cursor"]:
        assert len(page["items"]) == 2
        page = someone.get(f"{path}?limit=2&cursor={page['next_cursor']}").get_json()
        found += page["items"]
    assert found == whole["items"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x", "cursor=am9iczox", "colour=red"])
def test_a_query_that_makes_no_sense_is_named(someone: Caller, path: str, query: str) -> None:
    response = someone.get(f"{path}?{query}")
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == query.partition("=")[0]
