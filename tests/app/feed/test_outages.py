"""What happens to the feed when Redis or the web process goes away, and when it comes back."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed

from tests.app.feed.live import STREAM, FeedServer, Follower, Publisher
from tests.app.web_process import PATIENCE
from tests.private_server import wait_until
from tests.servers import RedisServer


@pytest.fixture
def brittle() -> Iterator[RedisServer]:
    """A Redis for one test."""
    with RedisServer() as server:
        yield server


def test_a_killed_and_emptied_redis_resets_everyone_and_the_sockets_stay(brittle: RedisServer) -> None:
    with FeedServer(brittle.url) as server, server.connect() as one, server.connect(user="3") as other:
        Publisher(brittle.url).publish("job:1")
        old = one.next()["cursor"]
        brittle.restart_empty()
        assert one.until_reset()
        assert other.until_reset()
        Publisher(brittle.url).publish("job:2")
        assert one.until_key("job:2")
        with server.connect(since=old) as late:
            assert late.next()["type"] == "reset"


def test_a_redis_that_kept_its_data_resets_everyone_too() -> None:
    with (
        RedisServer(persistent=True) as lasting,
        FeedServer(lasting.url) as server,
        server.connect() as follower,
    ):
        publisher = Publisher(lasting.url)
        old = publisher.publish("job:1")
        follower.until_key("job:1")
        publisher.publish("job:1")
        follower.until_key("job:1")
        lasting.stop()
        lasting.start()
        reset = follower.until_reset()[-1]
        with server.connect(since=old) as late:
            assert late.next()["type"] == "reset"
        Publisher(lasting.url).publish("job:2")
        with server.connect(since=reset["cursor"]) as known:
            assert known.next()["key"] == "job:2"


def test_an_emptied_redis_resets_everyone_although_its_connection_stays(brittle: RedisServer) -> None:
    publisher = Publisher(brittle.url)
    with FeedServer(brittle.url) as server, server.connect() as follower:
        publisher.publish("job:1")
        old = follower.next()["cursor"]
        publisher.redis.flushall()
        reset = follower.until_reset()[-1]
        publisher.publish("job:2")
        assert follower.until_key("job:2")
        with server.connect(since=old) as late:
            assert late.next()["type"] == "reset"
        with server.connect(since=reset["cursor"]) as known:
            assert known.next()["key"] == "job:2"


def test_events_right_after_the_emptying_are_not_missed(brittle: RedisServer) -> None:
    publisher = Publisher(brittle.url)
    with FeedServer(brittle.url) as server, server.connect() as follower:
        publisher.redis.flushall()
        publisher.publish("job:1")
        messages = follower.until_reset()  # the state of job 1 is in what the client reads now
        publisher.publish("job:2")
        messages += follower.until_key("job:2")
        assert messages[-1]["cursor"] > messages[0]["cursor"]


def test_an_emptied_stream_under_a_clock_that_went_back_is_read_from_its_beginning(
    brittle: RedisServer,
) -> None:
    publisher = Publisher(brittle.url)
    with FeedServer(brittle.url) as server, server.connect() as follower:
        publisher.redis.xadd(STREAM, {"reset": "1"}, id="9999999999999-0")
        follower.until_reset()
        publisher.redis.flushall()
        follower.until_reset()
        publisher.publish("job:1")
        assert follower.until_key("job:1")


def test_a_reader_that_was_frozen_while_the_stream_went_on_resets(brittle: RedisServer) -> None:
    publisher = Publisher(brittle.url)
    with FeedServer(brittle.url) as server, server.connect() as follower:
        publisher.publish("job:1")
        follower.until_key("job:1")
        server.pause()
        with publisher.redis.pipeline(transaction=False) as batch:
            for number in range(1000):
                fields = {"o": "*", "a": "0", "k": f"k:{number}", "r": "0", "f": '{"type":"job","key":"k"}'}
                batch.xadd(STREAM, fields, maxlen=500, approximate=False)
            batch.execute()
        server.resume()
        assert follower.until_reset()


def test_sockets_connect_without_redis_and_get_a_reset_when_it_comes(brittle: RedisServer) -> None:
    brittle.kill()
    with FeedServer(brittle.url) as server, server.connect() as follower, server.connect(since="5-0") as late:
        assert follower.hello == {"type": "hello", "cursor": "0-0"}
        assert late.next() == {"type": "reset", "cursor": "0-0"}
        brittle.start()
        follower.until_reset()
        late.until_reset()
        Publisher(brittle.url).publish("job:1")
        assert follower.until_key("job:1")


def test_a_redis_that_hangs_delays_neither_connecting_nor_pings(brittle: RedisServer) -> None:
    with FeedServer(brittle.url) as server:
        brittle.pause()
        begun = time.monotonic()
        with server.connect() as follower:
            assert time.monotonic() - begun < 2.0
            follower.connection.send('{"type":"ping"}')
            assert follower.next() == {"type": "pong"}
            brittle.resume()
            follower.until_reset()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_end_of_the_process_is_told_with_1012_and_waits_for_no_socket(
    brittle: RedisServer, end: signal.Signals
) -> None:
    with FeedServer(brittle.url) as server, server.connect() as one, server.connect() as other:
        server.stop_signal = end
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 3.0
        for follower in (one, other):
            with pytest.raises(ConnectionClosed) as ended:
                follower.next()
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1012


def test_on_sigterm_the_feed_ends_before_the_requests_in_flight(brittle: RedisServer) -> None:
    with FeedServer(brittle.url) as server, server.connect() as follower, ThreadPoolExecutor() as pool:
        answer = pool.submit(server.get, "/slow")
        wait_until(lambda: server.stats()["clients"] == 1, PATIENCE, "connected")
        begun = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as ended:
            follower.next()
        assert time.monotonic() - begun < 2.0
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1012
        assert not answer.done()
        (server.directory / "go").touch()
        assert answer.result() == b"slow"


def test_a_client_that_reconnects_through_two_reloads_misses_nothing_and_sees_nothing_twice(
    brittle: RedisServer,
) -> None:
    publisher = Publisher(brittle.url)
    publisher.publish("job:0")
    with FeedServer(brittle.url) as server:
        follower = server.connect()
        publishing = threading.Thread(target=_publish_through_reloads, args=(publisher, server))
        publishing.start()
        seen: list[tuple[str, int]] = []
        cursor = follower.cursor
        connections = 1
        while ("end", 1) not in seen:
            try:
                message = follower.next()
            except ConnectionClosed:
                follower = _reconnect(server, cursor)
                connections += 1
                continue
            assert message["type"] == "job", message
            cursor = message["cursor"]
            seen.append((message["key"], message["revision"]))
        follower.close()
        publishing.join()
    assert connections >= 3
    assert len(seen) == len(set(seen))
    newest = {key: max(revision for other, revision in seen if other == key) for key, _ in seen}
    assert {newest[f"job:{number}"] for number in range(1, 21)} == {20}


def _publish_through_reloads(publisher: Publisher, server: FeedServer) -> None:
    for revision in range(1, 21):
        if revision in (5, 12):
            _reload(server)
        for number in range(1, 21):
            publisher.publish(f"job:{number}", revision=revision)
    publisher.publish("end", revision=1)


def _reload(server: FeedServer) -> None:
    before = _worker(server)
    server.reload()
    wait_until(lambda: _worker(server) not in (before, 0), 20, "a new worker")


def _worker(server: FeedServer) -> int:
    try:
        return int(server.stats()["pid"])
    except OSError:
        return 0


def _reconnect(server: FeedServer, cursor: str) -> Follower:
    while True:
        try:
            return server.connect(since=cursor)
        except (OSError, ConnectionClosed):
            time.sleep(0.02)
