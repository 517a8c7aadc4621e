"""Fetch a video with yt-dlp in a child process, then publish it in the library; a playlist becomes one job for each entry.

An attempt goes on where the last one stopped: partial files lie in the job's staging folder. What is
about to be published is written down before the move, so that an attempt that dies between the move
and its last word does not lead to a second file.
"""

import hashlib
from typing import Any
from urllib.parse import urlsplit

from config.settings import settings
from pipelines.download import archive, hosts, leftovers, room
from pipelines.download.params import Params, allowed
from pipelines.download.publish import publish, published_before
from pipelines.errors import JobError
from pipelines.integrations.egress.address import refusal
from pipelines.integrations.ytdlp import failures
from pipelines.integrations.ytdlp.client import Fetched, Found, Listed, Moved, Wanted, Watch, fetch
from pipelines.kind import Context, Kind, Limits, Split
from pipelines.models.cookie import cookies_for


def run(context: Context, params: Params) -> dict[str, Any] | Split:
    """Fetch, publish, tidy up; the contract's download result."""
    result = published_before(context) or archive.linked(context, params)
    if result is None:
        try:
            got = _fetch(context, params)
        except archive.Linked as linked:
            got, result = None, linked.result
        if isinstance(got, Listed):
            return _split(context, params, got)
        if got is not None:
            result = publish(context, got, params)
    assert result is not None
    archive.record(context, params, result)
    for folder in leftovers.folders_of(settings().staging_dir, context.job_id):
        leftovers.discard(folder)
    return {name: value for name, value in result.items() if name not in archive.IDENTITY}


def _fetch(context: Context, params: Params) -> Fetched | Listed:
    """Without cookies; with those of the owner if the site asks who is there."""
    host = hosts.host_of(params.url)
    hosts.wait_for(host, context)
    room.keep_floor()
    try:
        try:
            got = _fetch_once(context, params)
        except JobError as error:
            cookies = None
            if error.category == "auth":
                cookies = cookies_for(context.owner_id, urlsplit(params.url).hostname or "")
            if cookies is None:
                raise
            got = _fetch_once(context, params, cookies)
    except JobError as error:
        hosts.note(host, error)
        if error.code == failures.DISK_FULL.code:
            raise room.full() from None
        raise
    hosts.forgive(host)
    if isinstance(got, Fetched):
        _not_above_cap(got.bytes)
    return got


def _fetch_once(context: Context, params: Params, cookies: str = "") -> Fetched | Listed:
    ours = settings()
    wanted = Wanted(
        params.url, params.mode, params.quality, params.container, tuple(params.subtitles), params.embed,
        params.items or "", ours.playlist_max, ours.download_live, cookies,
    )  # fmt: skip
    reachable = allowed()
    if refusal(params.url, reachable) is not None:
        raise failures.BLOCKED.error()
    limits = _Limits(context, params)
    return fetch(
        wanted,
        ours.staging_dir,
        name=_staging_name(context.job_id, params),
        attempt=context.attempt,
        watch=Watch(limits.report, context.check, limits.admit, limits.held),
        allowed=reachable,
        upstream=ours.egress_proxy,
        max_seconds=ours.download_max_seconds or None,
    )


class _Limits:
    """Watches one download: what it is about to be, and what it has become."""

    def __init__(self, context: Context, params: Params) -> None:
        self._context = context
        self._params = params
        self._title = ""
        self._reserved = False

    def admit(self, found: Found) -> None:
        """Before anything is fetched: do we have it, is it too large, is there room?"""
        archive.link_found(self._context, self._params, found)
        self._title = found.title
        if found.bytes:
            _not_above_cap(found.bytes)
            self._reserve(found.bytes - leftovers.held_by(settings().staging_dir, self._context.job_id))

    def _reserve(self, needed: int) -> None:
        """Once, as soon as the size is known."""
        if not self._reserved:
            self._reserved = True
            room.reserve(self._context.job_id, needed)

    def held(self, size: int) -> None:
        """While it is fetched, by what lies on the disk: not every site tells a length, or the right one."""
        _not_above_cap(size)
        room.keep_floor()

    def report(self, moved: Moved) -> None:
        """Progress of the job."""
        _not_above_cap(max(moved.done or 0, moved.total or 0))
        if moved.total and moved.stage == "downloading":
            self._reserve(moved.total - (moved.done or 0))
        self._context.progress(
            percent=moved.percent,
            stage=moved.stage,
            message=self._title,
            done=moved.done,
            total=moved.total,
            unit="bytes",
            rate=moved.rate,
            eta_seconds=moved.eta_seconds,
        )


def _not_above_cap(size: int) -> None:
    cap = settings().download_max_bytes
    if cap and size > cap:
        raise failures.TOO_LARGE.error()


def _split(context: Context, params: Params, listed: Listed) -> Split:
    if context.parent_id is not None:
        raise failures.SEVERAL.error()
    same = params.model_dump(mode="json")
    children = [{**same, "url": entry.url, "items": entry.items or None} for entry in listed.entries]
    about: dict[str, Any] = {
        "title": listed.title,
        "uploader": listed.uploader,
        "duration": None,
        "files": [],
    }
    return Split(children, {**about, "source_url": params.url, "more": listed.more})


def _staging_name(job_id: int, params: Params) -> str:
    """The same for each attempt; partial files of what another database called job 17 are left alone."""
    return f"{job_id}-{hashlib.sha256(params.model_dump_json().encode()).hexdigest()[:8]}"


def _limits() -> Limits:
    return Limits(settings().downloads_per_user or None, settings().downloads_per_host or None)


KIND = Kind(
    name="download",
    title="Download a video",
    params=Params,
    run=run,
    max_attempts=5,
    tidy=leftovers.tidy,
    held=room.held,
    hourly=lambda: settings().downloads_per_hour,
    limits=_limits,
    host=lambda params: hosts.host_of(params["url"]),
)
