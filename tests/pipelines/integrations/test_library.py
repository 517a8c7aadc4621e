"""The way into the library overwrites nothing and leads nowhere else."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.download import naming
from pipelines.errors import GiveUp, TryAgain
from pipelines.integrations import library


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refuse_links(*_: Any, **__: Any) -> None:
    raise PermissionError(errno.EPERM, "no hard links here")


def staged(folder: Path, text: str = "film") -> Path:
    return write(folder / "staging" / text / "media.mp4", text)


def content(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.mark.parametrize("links", [True, False])
def test_a_published_file_never_replaces_another(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse_links)
    for number in range(3):
        source = staged(tmp_path, str(number))
        library.publish(source, media, PurePosixPath("Ada/Season 2026/Film.mp4"))
        assert not source.exists()
    assert content(media / "Ada" / "Season 2026") == {
        "Film.mp4": "0",
        "Film (2).mp4": "1",
        "Film (3).mp4": "2",
    }


@pytest.mark.parametrize("links", [True, False])
def test_twenty_of_one_name_at_the_same_moment_are_all_kept(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse_links)
    together = threading.Barrier(20)

    def publish(number: int) -> Path:
        source = staged(tmp_path, str(number))
        together.wait(10)
        suffix = ".mp4" if number % 2 else ".mkv"
        return library.publish(source, media, PurePosixPath(f"Ada/Season 2026/Film{suffix}"))

    with ThreadPoolExecutor(20) as pool:
        paths = list(pool.map(publish, range(20)))
    assert [path.read_text() for path in paths] == [str(number) for number in range(20)]
    assert len({path.stem for path in paths}) == 20 and len(content(media)) == 20


@pytest.mark.parametrize(
    "neighbour", ["Film.nfo", "Film.en.vtt", "Film-thumb.jpg", "Film.mkv", "film.mp4", "Film", "Film.x/y"]
)
def test_a_stem_that_something_else_has_is_not_taken(tmp_path: Path, media: Path, neighbour: str) -> None:
    write(media / "Film" / neighbour, "theirs")
    target = library.publish(staged(tmp_path), media, PurePosixPath("Film/Film.mp4"))
    assert content(media) == {f"Film/{neighbour}": "theirs", "Film/Film (2).mp4": "film"}
    assert target == media / "Film" / "Film (2).mp4"


@pytest.mark.parametrize("planted", ["folder", "file", "dangling"])
def test_a_folder_that_leads_elsewhere_is_not_entered(tmp_path: Path, media: Path, planted: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    media.mkdir()
    if planted == "file":
        (media / "Ada").write_text("a file")
    else:
        (media / "Ada").symlink_to(outside if planted == "folder" else tmp_path / "nowhere")
    target = library.publish(staged(tmp_path), media, PurePosixPath("Ada/Season 2026/Film.mp4"))
    assert target == media / "Ada (2)" / "Season 2026" / "Film.mp4" and target.read_text() == "film"
    assert not list(outside.iterdir()) and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("links", [True, False])
def test_a_link_at_the_place_of_the_file_is_not_written_through(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse_links)
    (media / "Film").mkdir(parents=True)
    (media / "Film" / "Film.mp4").symlink_to(tmp_path / "nowhere")
    target = library.publish(staged(tmp_path), media, PurePosixPath("Film/Film.mp4"))
    assert target.name == "Film (2).mp4" and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_appears_after_the_look_is_not_replaced(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse_links)
    write(media / "Film" / "Film.mp4", "theirs")
    monkeypatch.setattr(os, "listdir", lambda _: [])
    assert library.publish(staged(tmp_path), media, PurePosixPath("Film/Film.mp4")).name == "Film (2).mp4"
    assert (media / "Film" / "Film.mp4").read_text() == "theirs"


def test_a_folder_that_is_removed_on_the_way_is_made_again(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listdir, removals = os.listdir, [media / "Film"]

    def remove_first(folder: Any) -> list[str]:
        if removals:
            removals.pop().rmdir()
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", remove_first)
    assert library.publish(staged(tmp_path), media, PurePosixPath("Film/Film.mp4")).read_text() == "film"


@pytest.mark.parametrize(
    "place", ["", "/etc/film.mp4", "../film.mp4", "a/../../film.mp4", ".staging/film.mp4"]
)
def test_a_place_outside_is_refused(tmp_path: Path, media: Path, place: str) -> None:
    with pytest.raises(ValueError):
        library.publish(staged(tmp_path), media, PurePosixPath(place))
    assert content(tmp_path) == {"staging/film/media.mp4": "film"}


@pytest.mark.parametrize("planted", [True, False])
def test_a_source_that_is_no_file_is_not_published(tmp_path: Path, media: Path, planted: bool) -> None:
    source = tmp_path / "media.mp4"
    if planted:
        source.symlink_to(write(tmp_path / "secret", "secret"))
    with pytest.raises(TryAgain) as caught:
        library.publish(source, media, PurePosixPath("Film/Film.mp4"))
    assert caught.value.code == "incomplete" and not media.exists()


def test_a_media_directory_that_takes_no_file_is_said(tmp_path: Path, media: Path) -> None:
    media.write_text("not a folder")
    with pytest.raises(GiveUp) as caught:
        library.publish(staged(tmp_path), media, PurePosixPath("Film/Film.mp4"))
    assert (caught.value.code, caught.value.category) == ("media_directory", "local")


def test_a_file_on_another_file_system_stays_where_it_is(
    tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    source = staged(tmp_path)
    with pytest.raises(GiveUp):
        library.publish(source, media, PurePosixPath("Film/Film.mp4"))
    assert source.exists() and content(media) == {}


TITLES = st.text(
    st.characters() | st.sampled_from(list("./\\ -~\u0301\ud800")), max_size=40
) | st.sampled_from(["..", "../..", "/etc", ".staging", "con", "a" * 400, "\x00", "\u202e"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TITLES, TITLES, TITLES), min_size=2, max_size=4))
def test_files_of_any_titles_are_distinct_and_inside(
    tmp_path_factory: pytest.TempPathFactory, videos: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("library")
    media = folder / "media"
    published = []
    for number, (title, media_id, uploader) in enumerate([*videos, videos[0]]):
        what = naming.Described(title, media_id, uploader, "20260601")
        source = staged(folder, str(number))
        published.append(library.publish(source, media, naming.place(what, ".mp4")))
    assert [file.read_text() for file in published] == [str(number) for number in range(len(published))]
    assert {str(file.resolve().relative_to(media.resolve())) for file in published} == set(content(media))
    assert set(os.listdir(folder)) == {"media", "staging"}


def test_what_belongs_to_a_file_lies_beside_it_under_its_name(tmp_path: Path, media: Path) -> None:
    film = library.publish(staged(tmp_path), media, PurePosixPath("Film/Film v1.5.mp4"))
    write(media / "Film" / "Film v1.5.nfo", "of an earlier attempt")
    endings = [".nfo", ".en-orig.vtt", "-thumb.jpg"]
    files = {ending: write(tmp_path / "staging" / f"media{ending}", ending) for ending in endings}
    files[".de.vtt"] = tmp_path / "staging" / "vanished.vtt"
    moved = library.accompany(files, film)
    assert [file.name for file in moved] == ["Film v1.5.nfo", "Film v1.5.en-orig.vtt", "Film v1.5-thumb.jpg"]
    assert [file.read_text() for file in moved] == endings
    assert library.accompany(files, film) == moved


@pytest.mark.parametrize(
    "ending", ["", ".", "/x", "./../x", "x.vtt", ".MP4", ".mp4", ".\x00", ".ü", "." + "a" * 60]
)
def test_an_ending_that_is_none_moves_nothing(tmp_path: Path, media: Path, ending: str) -> None:
    film = library.publish(staged(tmp_path), media, PurePosixPath("Film/Film.mp4"))
    assert library.accompany({ending: write(tmp_path / "other", "x")}, film) == []
    assert content(media) == {"Film/Film.mp4": "film"}


def test_a_companion_is_no_link_and_goes_through_none(tmp_path: Path, media: Path) -> None:
    film = library.publish(staged(tmp_path), media, PurePosixPath("Film/Film.mp4"))
    secret = write(tmp_path / "secret", "secret")
    film.with_suffix(".nfo").symlink_to(secret)
    (tmp_path / "link").symlink_to(secret)
    files = {".nfo": write(tmp_path / "staging" / "media.nfo", "ours"), ".en.vtt": tmp_path / "link"}
    assert library.accompany(files, film) == [film.with_suffix(".nfo")]
    assert secret.read_text() == "secret"
    assert content(media) == {"Film/Film.mp4": "film", "Film/Film.nfo": "ours"}


@pytest.mark.parametrize("crowded", [True, False])
def test_a_file_whose_attempt_died_after_the_move_is_found(
    tmp_path: Path, media: Path, crowded: bool
) -> None:
    place = PurePosixPath("Ada [x] + co/Season 2026/Film.mp4")
    if crowded:
        write(media / "Ada [x] + co", "a file where the folder was to be")
        library.publish(staged(tmp_path, "other"), media, place)
    source = staged(tmp_path)
    inode, size = source.stat().st_ino, source.stat().st_size
    assert library.find(media, str(place), inode, size) is None
    target = library.publish(source, media, place)
    assert library.find(media, str(place), inode, size) == target
    assert library.find(media, str(place), inode, size + 1) is None
    assert library.find(media, "Eve/Season 2026/Film.mp4", inode, size) is None


@pytest.mark.parametrize("place", ["Ada/film.mp4", "../outside/film.mp4", "/outside/film.mp4", ""])
def test_a_file_behind_a_link_or_outside_is_not_found(tmp_path: Path, media: Path, place: str) -> None:
    film = write(tmp_path / "outside" / "film.mp4", "film")
    media.mkdir()
    (media / "Ada").symlink_to(film.parent)
    (media / "film.mp4").symlink_to(film)
    assert library.find(media, place, film.stat().st_ino, 4) is None


def test_a_media_directory_that_is_a_link_itself_is_the_owners_will(tmp_path: Path, media: Path) -> None:
    (tmp_path / "disk").mkdir()
    media.symlink_to(tmp_path / "disk")
    source = staged(tmp_path)
    inode = source.stat().st_ino
    target = library.publish(source, media, PurePosixPath("Film/Film.mp4"))
    assert library.find(media, "Film/Film.mp4", inode, 4) == target == media / "Film" / "Film.mp4"
    assert library.remove(media, ["Film/Film.mp4"]) == 1


def test_removing_files_takes_the_folders_that_fell_empty(tmp_path: Path, media: Path) -> None:
    for name in ("Ada/Season 2026/a.mp4", "Ada/Season 2026/a.nfo", "Ada/Season 2025/b.mp4", "Film/Film.mp4"):
        write(media / name, "x")
    (media / ".staging").mkdir()
    assert library.remove(media, ["Ada/Season 2026/a.mp4", "Ada/Season 2026/a.nfo", "Ada/gone.mp4"]) == 2
    assert set(content(media)) == {"Ada/Season 2025/b.mp4", "Film/Film.mp4"}
    assert not (media / "Ada" / "Season 2026").exists()
    assert library.remove(media, ["Ada/Season 2025/b.mp4", "Film/Film.mp4", "Eve/gone.mp4"]) == 2
    assert os.listdir(media) == [".staging"]


def test_nothing_outside_the_library_is_removed(tmp_path: Path, media: Path) -> None:
    secret = write(tmp_path / "outside" / "secret", "secret")
    write(media / ".staging" / "17-0a1b2c3d" / "media.mp4", "partial")
    (media / "Ada").symlink_to(secret.parent)
    (media / "secret").symlink_to(secret)
    (media / "folder").mkdir()
    paths = [
        str(secret),
        "../outside/secret",
        "folder/../../outside/secret",
        "Ada/secret",
        "secret",
        "folder",
        ".staging/17-0a1b2c3d/media.mp4",
        "Ada/\x00",
        "..",
        "",
    ]
    assert library.remove(media, paths) == 0
    assert secret.exists() and (media / "secret").is_symlink() and (media / "folder").is_dir()
    assert content(media / ".staging") == {"17-0a1b2c3d/media.mp4": "partial"}
    assert library.remove(tmp_path / "nowhere", ["a/b.mp4"]) == 0
