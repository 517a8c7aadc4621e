"""The feed's thread: one reader of the stream, all the clients, and the clock between them.

While Redis is away the sockets stay; when it is back, everybody is told to read the resources again.
"""

import asyncio
import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from app.feed import frames
from app.feed.client import RESTART, SESSION_ENDED, TRY_LATER, Client, Counts, Pace
from app.feed.ring import Entry, Ring, Viewer, read_cursor
from app.feed.stream import Item, Lost, RedisError, Reset, Stream, Unreadable, put

FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 2.0
FIRST_LOOK_SECONDS = 1.0  # how long a client that comes before our first look at the stream waits for it
FAREWELL_SECONDS = 1.5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """On what terms clients are shown the feed."""

    redis_url: str
    alive: Callable[[set[str]], set[str]]
    per_user: int
    total: int
    pace: Pace


class FeedLoop:
    """Lives from `start` to `end`, or to a fault of our own; then the hub makes another."""

    def __init__(self, terms: Terms, counts: Counts) -> None:
        self._terms = terms
        self._counts = counts
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._sessions = ThreadPoolExecutor(1, thread_name_prefix="feed-sessions")
        self._ending = asyncio.Event()
        self._looked = asyncio.Event()
        self._ring = Ring()
        self._clients: set[Client] = set()
        self._arrivals: set[asyncio.Task[None]] = set()

    # from other threads

    def start(self) -> None:
        self._thread.start()

    def adopt(self, connection: socket.socket, viewer: Viewer, since: str | None) -> bool:
        """Hand a connected socket over; False if the thread has ended."""
        try:
            self._loop.call_soon_threadsafe(self._expect, connection, viewer, since)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def end(self, timeout: float) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(timeout)

    def clients(self) -> list[Client]:
        return list(self._clients)

    # the thread

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        parts = (self._follow(), self._beat(), self._recheck(), self._ending.wait())
        tasks = [asyncio.ensure_future(part) for part in parts]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for task in done:
            if task.exception() is not None:
                log.error("the feed failed and starts again", exc_info=task.exception())
        await self._farewell()
        self._sessions.shutdown(wait=False, cancel_futures=True)

    async def _farewell(self) -> None:
        self._ending.set()
        self._looked.set()
        if self._arrivals:
            await asyncio.wait(self._arrivals, timeout=FAREWELL_SECONDS / 3)
        leaving = self.clients()
        for client in leaving:
            client.close(RESTART, "restart")
        answers = [asyncio.ensure_future(client.gone.wait()) for client in leaving]
        if answers:
            await asyncio.wait(answers, timeout=FAREWELL_SECONDS)
        for client in leaving:
            client.abort()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._terms.pace.beat)
            now = self._loop.time()
            for client in self.clients():
                client.tick(now)

    async def _recheck(self) -> None:
        """Close those whose session or token has ended meanwhile."""
        while True:
            await asyncio.sleep(self._terms.pace.recheck)
            clients = self.clients()
            if not clients:
                continue
            keys = {client.viewer.key for client in clients}
            try:
                alive = await self._loop.run_in_executor(self._sessions, self._terms.alive, keys)
            except Exception:  # of whatever database stands behind it; its outage must not end the feed
                log.exception("sessions could not be checked")
                continue
            for client in clients:
                if client.viewer.key not in alive:
                    client.close(SESSION_ENDED, "session ended")

    # arrivals

    def _expect(self, connection: socket.socket, viewer: Viewer, since: str | None) -> None:
        task = self._loop.create_task(self._arrive(connection, viewer, since))
        self._arrivals.add(task)
        task.add_done_callback(self._arrivals.discard)

    async def _arrive(self, connection: socket.socket, viewer: Viewer, since: str | None) -> None:
        client = Client(
            viewer,
            pace=self._terms.pace,
            counts=self._counts,
            reset_frame=self._reset_frame,
            left=self._clients.discard,
        )
        try:
            await self._loop.connect_accepted_socket(lambda: client, connection)
        except OSError:
            connection.close()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_SECONDS):
                await self._looked.wait()
        self._admit(client, since)

    def _admit(self, client: Client, since: str | None) -> None:
        """From here on in one tick: between the replay and the first live event nothing can slip in."""
        user = client.viewer.user_id
        same_user = sum(other.viewer.user_id == user for other in self._clients)
        if self._ending.is_set():
            client.close(RESTART, "restart")
        elif len(self._clients) >= self._terms.total or same_user >= self._terms.per_user:
            client.close(TRY_LATER, "too many connections")
        else:
            self._clients.add(client)
            self._begin_at(client, since)

    def _begin_at(self, client: Client, since: str | None) -> None:
        """Say hello, then what was missed; hello has the cursor before that, so cursors never go back."""
        cursor = None if since is None else read_cursor(since)
        known = cursor is not None and self._ring.knows(cursor)
        missed = self._ring.replay(cursor, client.viewer) if cursor is not None and known else []
        client.welcome(frames.message("hello", cursor if missed else self._ring.newest))
        if known:
            self._counts.replays += 1
        elif since is not None:
            client.reset(self._reset_frame())
        for entry in missed:
            client.offer(entry.key, entry.frame)

    # events

    async def _follow(self) -> None:
        """Show what comes, through outages of Redis, as long as the thread lives."""
        retry = FIRST_RETRY_SECONDS
        stream = Stream(self._terms.redis_url)
        try:
            while True:
                try:
                    await self._begin(stream)
                    retry = FIRST_RETRY_SECONDS
                    while True:
                        await self._show_next(stream)
                except Lost:
                    log.warning("the event stream was emptied or cut; all clients read anew")
                except (RedisError, OSError) as error:
                    log.warning("the event stream is away (%s)", type(error).__name__)
                    self._looked.set()
                    await asyncio.sleep(retry * random.uniform(0.5, 1.0))
                    retry = min(retry * 2, LAST_RETRY_SECONDS)
        finally:
            await stream.close()

    async def _begin(self, stream: Stream) -> None:
        ring = await stream.begin()
        if self._looked.is_set():
            # Not our first look: whatever happened while we did not look, nobody can say.
            ring.cut(ring.newest)
        self._ring = ring
        self._looked.set()
        self._reset_all()

    async def _show_next(self, stream: Stream) -> None:
        for item in await stream.read(self._ring.newest):
            self._show(item)
            await asyncio.sleep(0)  # a long batch must not keep pings and arrivals waiting

    def _show(self, item: Item) -> None:
        if isinstance(item, Unreadable):
            self._counts.unreadable += 1
        if not put(self._ring, item):
            return
        if isinstance(item, Reset):
            self._reset_all()
        elif isinstance(item, Entry):
            self._counts.events += 1
            self._counts.lag = max(0.0, time.time() - item.cursor[0] / 1000)
            for client in self._clients:
                if item.visible_to(client.viewer):
                    client.offer(item.key, item.frame)

    def _reset_frame(self) -> bytes:
        return frames.message("reset", self._ring.newest)

    def _reset_all(self) -> None:
        frame = self._reset_frame()
        for client in self._clients:
            client.reset(frame)
