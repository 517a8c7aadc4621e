"""A client that does not read costs the others nothing; many clients cost the API nothing."""

import statistics
import threading
import time

import psutil
from wsproto.events import CloseConnection, Ping, TextMessage

from tests.app.feed.live import FeedServer, Publisher, Socket
from tests.app.web_process import PATIENCE
from tests.private_server import wait_until
from tests.servers import RedisServer

KEYS = 20


def test_a_client_that_does_not_read_for_5_s_costs_the_others_nothing_and_ends_with_the_right_state(
    own_redis: RedisServer, publisher: Publisher
) -> None:
    with FeedServer(own_redis.url) as server, Socket(server) as slow:
        _admitted(server)
        delays: list[list[float]] = [[] for _ in range(5)]
        readers = [threading.Thread(target=_read_all, args=(server, each)) for each in delays]
        for reader in readers:
            reader.start()
        wait_until(lambda: server.stats()["clients"] == 6, PATIENCE, "all connected")
        published = _publish_for(publisher, 5.0)
        for reader in readers:
            reader.join()
        stats = server.stats()
        assert stats["paused"] == 1
        assert stats["coalesced"] > published / 4
        state, frames = _read_to_the_end(slow, {"end"})
    assert [len(each) for each in delays] == [published] * 5
    assert statistics.median(delay for each in delays for delay in each) < 0.05
    assert frames < published / 2
    assert state == {f"job:{number}": published // KEYS for number in range(KEYS)} | {"end": 0}


def test_a_slow_client_with_too_many_keys_to_keep_is_told_to_read_anew(
    own_redis: RedisServer, publisher: Publisher
) -> None:
    with FeedServer(own_redis.url) as server, Socket(server) as slow:
        _admitted(server)
        for number in range(1500):
            publisher.publish(f"job:{number}", padding=1500)
        last = publisher.publish("last")
        with server.connect() as witness:
            publisher.publish("end", owner="3")
            assert witness.cursor >= last or witness.until_key("last")
        messages = []
        for message in slow.messages():
            messages.append(message)
            if message["type"] == "reset":
                break
        assert messages[-1]["cursor"] >= last
        publisher.publish("job:1")
        assert next(slow.messages())["key"] == "job:1"


def test_the_cursors_that_a_slow_client_sees_only_grow(own_redis: RedisServer, publisher: Publisher) -> None:
    with FeedServer(own_redis.url) as server, Socket(server) as slow:
        _admitted(server)
        for number in range(3000):
            publisher.publish(f"job:{number * number % 101}", padding=1500)
        publisher.publish("end")
        wait_until(lambda: server.stats()["events"] == 3001, PATIENCE, "all was shown")
        cursors = []
        for message in slow.messages():
            cursors.append(tuple(map(int, message["cursor"].split("-"))))
            if message.get("key") == "end":
                break
        assert server.stats()["coalesced"] > 0
    assert cursors == sorted(cursors)


def test_pings_of_a_client_that_does_not_read_do_not_pile_up(
    own_redis: RedisServer, publisher: Publisher
) -> None:
    with FeedServer(own_redis.url) as server, Socket(server) as rude:
        _admitted(server)
        for number in range(1000):
            publisher.publish(f"job:{number % KEYS}", padding=2000)
        wait_until(lambda: server.stats()["paused"] == 1, PATIENCE, "paused")
        before = _memory(server)
        for _ in range(2000):
            rude.send(Ping(b"x" * 125))
            rude.send(TextMessage('{"type":"ping"}'))
        publisher.publish("end")
        with server.connect(user="3"):
            assert _memory(server) - before < 10_000_000
        pongs = sum(not isinstance(event, TextMessage) for event in _until_end(rude))
        assert pongs < 100


def test_a_full_buffer_that_is_not_drained_closes_with_4408(
    own_redis: RedisServer, publisher: Publisher
) -> None:
    with FeedServer(own_redis.url, stall=0.5, linger=1.0, beat=0.05) as server, Socket(server) as stuck:
        _admitted(server)
        for number in range(1000):
            publisher.publish(f"job:{number % KEYS}", padding=2000)
        wait_until(lambda: server.stats()["paused"] == 1, PATIENCE, "paused")
        wait_until(lambda: server.stats()["clients"] == 0, PATIENCE, "given up")
        closes = [event.code for event in stuck.events() if isinstance(event, CloseConnection)]
        assert closes == [4408]


def test_a_client_that_never_reads_again_leaves_no_connection_behind(
    own_redis: RedisServer, publisher: Publisher
) -> None:
    with FeedServer(own_redis.url, stall=0.3, linger=0.3, beat=0.05) as server, Socket(server):
        wait_until(lambda: _connections(server) == 1, PATIENCE, "connected")
        for number in range(1000):
            publisher.publish(f"job:{number % KEYS}", padding=2000)
        wait_until(lambda: _connections(server) == 0, PATIENCE, "cut off")


def test_50_open_sockets_leave_the_api_as_quick_as_before(own_redis: RedisServer) -> None:
    with FeedServer(own_redis.url, threads=2) as server:
        server.connect().close()
        before, threads = _http_times(server), _threads(server)
        followers = [server.connect() for _ in range(50)]
        assert server.stats()["clients"] == 50
        after = _http_times(server)
        assert _threads(server) <= threads + 1
        for follower in followers:
            follower.close()
    assert statistics.median(after) < 2 * statistics.median(before) + 0.002
    assert max(after) < 1.0


def _admitted(server: FeedServer) -> None:
    """The hub has looked at the stream: from now on it shows what is published."""
    wait_until(lambda: server.stats()["clients"] == 1, PATIENCE, "admitted")


def _publish_for(publisher: Publisher, seconds: float) -> int:
    """Rounds over all keys, 400 events a second; the number of events, without the last one."""
    begun = time.monotonic()
    rounds = 0
    while time.monotonic() - begun < seconds:
        rounds += 1
        for number in range(KEYS):
            publisher.publish(f"job:{number}", revision=rounds, padding=2000)
        time.sleep(max(0.0, begun + rounds * KEYS / 400 - time.monotonic()))
    publisher.publish("end")
    return rounds * KEYS


def _read_all(server: FeedServer, delays: list[float]) -> None:
    with server.connect() as follower:
        while (message := follower.next()).get("key") != "end":
            delays.append(time.monotonic() - message["sent"])


def _read_to_the_end(slow: Socket, last: set[str]) -> tuple[dict[str, int], int]:
    """The revision of each key that was seen last, and how many frames it took."""
    state: dict[str, int] = {}
    for frames, message in enumerate(slow.messages()):
        if "key" in message:
            state[message["key"]] = message["revision"]
        if message.get("key") in last:
            return state, frames
    raise AssertionError("the connection ended")


def _until_end(client: Socket) -> list[object]:
    events: list[object] = []
    for event in client.events():
        events.append(event)
        if isinstance(event, TextMessage) and '"key":"end"' in event.data:
            break
    return events


def _http_times(server: FeedServer) -> list[float]:
    times = []
    for _ in range(100):
        begun = time.monotonic()
        server.get("/hello")
        times.append(time.monotonic() - begun)
    return times


def _process(server: FeedServer) -> psutil.Process:
    return psutil.Process(psutil.Process(server.pid).children()[0].pid)


def _memory(server: FeedServer) -> int:
    return int(_process(server).memory_info().rss)


def _threads(server: FeedServer) -> int:
    return int(_process(server).num_threads())


def _connections(server: FeedServer) -> int:
    """Established connections of clients to the worker, apart from short requests."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
        for connection in _process(server).net_connections("tcp")
    )
