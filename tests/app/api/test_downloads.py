"""The archive over REST: everyone sees their own downloads, and takes them out with or without their files."""

from pathlib import Path

from config.settings import settings
from pipelines.models import download
from tests.app.conftest import Caller


def stored(owner: Caller, job_id: int, name: str = "Ada/Film.mp4") -> Path:
    """A download of `owner` with its file in the library."""
    file = settings().media_dir / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("film")
    result = {
        "title": f"Film {job_id}",
        "uploader": "Ada",
        "duration": 20.0,
        "source_url": "https://example.com/film",
        "files": [{"path": name, "bytes": 4, "sha256": "0" * 64}],
    }
    download.record(job_id, owner.id, "vimeo", "film", "video", result)
    return file


def test_everyone_sees_their_own_downloads_and_admins_see_all(
    admin: Caller, friend: Caller, stranger: Caller
) -> None:
    for number in range(1, 4):
        stored(friend, number)
    (newest, *older) = friend.get("/downloads").get_json()["items"]
    assert (newest["title"], newest["job_id"], newest["owner"]["name"]) == ("Film 3", "3", "bob")
    assert newest["files"] == [{"path": "Ada/Film.mp4", "bytes": 4, "sha256": "0" * 64}]
    assert [item["title"] for item in older] == ["Film 2", "Film 1"]
    assert friend.get(f"/downloads/{newest['id']}").get_json() == newest
    assert stranger.get("/downloads").get_json()["items"] == []
    assert stranger.get(f"/downloads/{newest['id']}").status_code == 404
    assert stranger.delete(f"/downloads/{newest['id']}").status_code == 404
    assert len(admin.get("/downloads").get_json()["items"]) == 3


def test_the_list_comes_in_pages(friend: Caller) -> None:
    for number in range(5):
        stored(friend, number)
    first = friend.get("/downloads?limit=3").get_json()
    second = friend.get(f"/downloads?limit=3&cursor={first['next_cursor']}").get_json()
    titles = [item["title"] for page in (first, second) for item in page["items"]]
    assert titles == [f"Film {number}" for number in (4, 3, 2, 1, 0)]
    assert second["next_cursor"] is None


def test_a_download_is_taken_out_with_its_files_only_if_that_is_wished(friend: Caller) -> None:
    file = stored(friend, 1)
    (item,) = friend.get("/downloads").get_json()["items"]
    assert friend.delete(f"/downloads/{item['id']}").status_code == 204
    assert file.exists()
    assert friend.delete(f"/downloads/{item['id']}").status_code == 404
    file = stored(friend, 2)
    (item,) = friend.get("/downloads").get_json()["items"]
    assert friend.delete(f"/downloads/{item['id']}?files=true").status_code == 204
    assert not file.parent.exists() and settings().media_dir.exists()


def test_a_file_that_somebody_else_is_linked_to_stays(friend: Caller, stranger: Caller) -> None:
    file = stored(friend, 1)
    stored(stranger, 2)
    (mine,), (theirs,) = (each.get("/downloads").get_json()["items"] for each in (friend, stranger))
    assert friend.delete(f"/downloads/{mine['id']}?files=true").status_code == 204
    assert file.exists()
    assert stranger.delete(f"/downloads/{theirs['id']}?files=true").status_code == 204
    assert not file.exists()


def test_an_id_that_is_none_is_not_found(friend: Caller) -> None:
    for text in ("x", "0", "99999999999999999999", "%00"):
        assert friend.get(f"/downloads/{text}").status_code == 404
