"""The feed as its clients see it: who gets what, from which cursor on, and how a connection ends."""

import json
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from tests.app.feed.live import FeedServer, Follower, Publisher, Socket
from tests.app.web_process import PATIENCE
from tests.private_server import wait_until
from tests.servers import RedisServer


def close_code(follower: Follower) -> int | None:
    with pytest.raises(ConnectionClosed) as ended:
        while True:
            follower.connection.recv(timeout=PATIENCE)
    return ended.value.rcvd.code if ended.value.rcvd else None


def test_the_first_message_is_hello_with_the_newest_cursor(server: FeedServer, publisher: Publisher) -> None:
    with server.connect() as first:
        cursor = publisher.publish("job:1")
        assert first.next()["cursor"] == cursor
        with server.connect(user="3") as second:
            assert second.hello == {"type": "hello", "cursor": cursor}


def test_an_event_arrives_with_its_cursor_as_second_member(server: FeedServer, publisher: Publisher) -> None:
    with server.connect() as follower:
        cursor = publisher.publish("job:1", title="Æøå 🎬")
        text = follower.connection.recv(timeout=PATIENCE)
    assert isinstance(text, str)
    assert text.startswith(f'{{"type":"job","cursor":"{cursor}","key":"job:1",')
    assert json.loads(text)["title"] == "Æøå 🎬"


def test_another_users_socket_sees_nothing_and_an_admin_sees_all(
    server: FeedServer, publisher: Publisher
) -> None:
    with (
        server.connect(user="2") as owner,
        server.connect(user="3") as other,
        server.connect(user="1", admin="1") as admin,
    ):
        publisher.publish("job:1", owner="2")
        publisher.publish("notification:1", owner="2", admins=False)
        publisher.publish("job:2", owner="0")
        publisher.publish("end", owner="*", admins=False)
        seen = {
            name: [message["key"] for message in follower.until_key("end")]
            for name, follower in (("owner", owner), ("other", other), ("admin", admin))
        }
    assert seen == {
        "owner": ["job:1", "notification:1", "end"],
        "other": ["end"],
        "admin": ["job:1", "job:2", "end"],
    }


def test_a_replay_sends_one_frame_for_each_key_that_this_viewer_may_see(
    server: FeedServer, publisher: Publisher
) -> None:
    since = publisher.publish("job:1")
    for number in range(30):
        publisher.publish(f"job:{number % 3}", revision=number)
        publisher.publish("job:9", owner="3")
    newest = publisher.publish("job:2", revision=30)
    with server.connect() as witness:
        publisher.publish("seen", owner="*")  # when this has come, the hub has read all of it
        witness.until_key("seen")
    with server.connect(since=since) as follower:
        assert follower.hello["cursor"] == since
        messages = follower.until_key("seen")
    assert [(message["key"], message["revision"]) for message in messages] == [
        ("job:0", 27),
        ("job:1", 28),
        ("job:2", 30),
        ("seen", 0),
    ]
    assert messages[2]["cursor"] == newest


def test_the_present_cursor_replays_nothing(server: FeedServer, publisher: Publisher) -> None:
    with server.connect() as first:
        publisher.publish("job:1")
        cursor = first.next()["cursor"]
    with server.connect(since=cursor) as follower:
        assert follower.hello["cursor"] == cursor
        publisher.publish("job:2")
        assert follower.next()["key"] == "job:2"


@pytest.mark.parametrize("since", ["", "yesterday", "1-0", "0-0", "99999999999999-0", "1-2-3", "٣-٤"])
def test_an_unknown_cursor_gets_a_reset_after_the_hello(server: FeedServer, since: str) -> None:
    with server.connect(since=since) as follower:
        assert follower.hello["type"] == "hello"
        assert follower.next() == {"type": "reset", "cursor": follower.hello["cursor"]}


def test_lost_events_reset_everyone_and_every_older_cursor(server: FeedServer, publisher: Publisher) -> None:
    old = publisher.publish("job:1")
    with server.connect(user="2") as one, server.connect(user="3") as other:
        lost = publisher.lose_events()
        assert one.until_reset()[-1] == {"type": "reset", "cursor": lost}
        assert other.until_reset()[-1] == {"type": "reset", "cursor": lost}
        publisher.publish("job:2")
        assert one.next()["key"] == "job:2"
    with server.connect(since=old) as late:
        assert late.next()["type"] == "reset"
    with server.connect(since=lost) as late:
        assert late.next()["key"] == "job:2"


def test_revisions_never_go_back(server: FeedServer, publisher: Publisher) -> None:
    with server.connect() as follower:
        for revision in (11, 13, 12, 14):
            publisher.publish("job:77", revision=revision)
        publisher.publish("end")
        assert [message["revision"] for message in follower.until_key("end")] == [11, 13, 14, 0]


def test_entries_that_nobody_can_read_are_counted_and_passed_over(
    server: FeedServer, publisher: Publisher
) -> None:
    before = server.stats()["unreadable"]
    with server.connect() as follower:
        for entry in ({"x": "1"}, {"o": "*", "a": "0", "k": "k", "r": "x", "f": "{}"}, {"f": "[" * 9999}):
            publisher.redis.xadd("medianest:feed", entry)
        publisher.publish("end")
        assert len(follower.until_key("end")) == 1
    assert server.stats()["unreadable"] == before + 3


def test_a_ping_is_answered_and_other_messages_are_ignored(server: FeedServer) -> None:
    with server.connect() as follower:
        for said in ('{"type":"subscribe"}', "{", "[" * 1000, "null", b"\x00\xff", '{"type":"ping"}'):
            follower.connection.send(said)
        assert follower.next() == {"type": "pong"}
        assert follower.connection.ping().wait(PATIENCE)


def test_a_message_over_64_kib_closes_with_1009(server: FeedServer) -> None:
    with server.connect() as follower:
        follower.connection.send("x" * 64 * 1024)
        follower.connection.send('{"type":"ping"}')
        assert follower.next() == {"type": "pong"}
        follower.connection.send("x" * (64 * 1024 + 1))
        assert close_code(follower) == 1009
    with Socket(server) as pieces:
        for _ in range(65):
            pieces.send(BytesMessage(bytes(1024), message_finished=False))
        assert pieces.close_code() == 1009


def test_a_broken_frame_closes_with_1002(server: FeedServer) -> None:
    with Socket(server) as client:
        client.socket.sendall(b"\x81\x05hello")  # unmasked
        assert client.close_code() == 1002


def test_a_clients_close_is_answered(server: FeedServer) -> None:
    with Socket(server) as client:
        client.send(CloseConnection(1001))
        assert client.close_code() == 1001
        assert client.socket.recv(1) == b""


def test_compression_is_not_accepted(server: FeedServer) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/ws") as connection:
        assert connection.request is not None
        assert connection.response is not None
        assert "permessage-deflate" in connection.request.headers["Sec-WebSocket-Extensions"]
        assert "Sec-WebSocket-Extensions" not in connection.response.headers


def test_an_ended_session_closes_with_4401(server: FeedServer, publisher: Publisher) -> None:
    with server.connect(key="ended") as ended, server.connect(key="other") as other:
        server.ended.write_text("ended\n")
        assert close_code(ended) == 4401
        publisher.publish("job:1")
        assert other.until_key("job:1")
    server.ended.write_text("")


def test_sessions_that_cannot_be_checked_stay(server: FeedServer, publisher: Publisher) -> None:
    content = server.ended.read_text()
    with server.connect() as follower:
        server.ended.unlink()
        wait_until(lambda: "could not be checked" in server._log.read_text(), PATIENCE, "a failed check")
        publisher.publish("job:1")
        assert follower.until_key("job:1")
        server.ended.write_text(content)


def test_after_a_fault_of_our_own_clients_reconnect_to_a_new_feed(
    server: FeedServer, publisher: Publisher
) -> None:
    with server.connect() as follower:
        publisher.publish("job:1")
        cursor = follower.next()["cursor"]
        server.ended.write_text("fault")
        assert close_code(follower) == 1012
    server.ended.write_text("")
    publisher.publish("job:2")
    with server.connect(since=cursor) as follower:
        assert follower.next()["key"] == "job:2"


def test_one_user_may_have_fifty_sockets(server: FeedServer) -> None:
    with ExitStack() as sockets:
        for _ in range(50):
            assert sockets.enter_context(server.connect()).hello["type"] == "hello"


def test_more_sockets_than_a_user_may_have_are_refused_with_1013(own_redis: RedisServer) -> None:
    with FeedServer(own_redis.url, per_user=2) as server:
        with server.connect(), server.connect(), server.connect(user="3"), Socket(server) as third:
            assert third.close_code() == 1013
        wait_until(lambda: server.stats()["clients"] == 0, PATIENCE, "all gone")
        server.connect().close()


def test_a_client_that_answers_no_ping_is_cut_off(own_redis: RedisServer) -> None:
    with (
        FeedServer(own_redis.url, ping=0.2, beat=0.05) as server,
        Socket(server) as mute,
        server.connect() as polite,
    ):
        events = list(mute.events())
        assert [type(event) for event in events] == [TextMessage, Ping]
        assert server.stats()["clients"] == 1
        polite.connection.send('{"type":"ping"}')
        assert polite.next() == {"type": "pong"}


def test_a_pong_keeps_the_connection(own_redis: RedisServer) -> None:
    with FeedServer(own_redis.url, ping=0.1, beat=0.02) as server, Socket(server) as client:
        pings = 0
        for event in client.events():
            if isinstance(event, Ping):
                client.send(Pong(event.payload))
                pings += 1
            if pings == 5:
                break
        assert server.stats()["clients"] == 1
