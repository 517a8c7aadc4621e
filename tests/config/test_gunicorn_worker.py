"""The worker's main thread waits for nobody."""

import socket
import time

import psutil

from config.gunicorn_worker import LONGEST_REQUEST
from tests.app.feed.live import FeedServer
from tests.app.web_process import PATIENCE
from tests.private_server import wait_until
from tests.servers import RedisServer

LINGERERS = 25


def ask(server: FeedServer) -> socket.socket:
    """A client that asks for `Connection: close` and will not close itself."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    client.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return client


def read_answer(client: socket.socket) -> None:
    answer = b""
    while part := client.recv(4096):
        answer += part
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello")


def seconds_of_a_request(server: FeedServer) -> float:
    begun = time.monotonic()
    assert server.get("/hello") == b"hello"
    return time.monotonic() - begun


def half_closed(server: FeedServer) -> int:
    """How many sockets of the worker still wait for the other side."""
    worker = psutil.Process(server.pid).children()[0]
    return sum(
        connection.laddr.port == server.port and connection.status in ("FIN_WAIT1", "FIN_WAIT2")
        for connection in worker.net_connections("tcp")
    )


def test_clients_that_linger_do_not_stall_a_fresh_request(redis_server: RedisServer) -> None:
    with FeedServer(redis_server.url, threads=2) as server:
        lingering = [ask(server) for _ in range(LINGERERS)]
        assert seconds_of_a_request(server) < 0.5
        for client in lingering:
            read_answer(client)
        assert half_closed(server) > 0
        assert max(seconds_of_a_request(server) for _ in range(5)) < 0.5
        wait_until(lambda: half_closed(server) == 0, PATIENCE, "the lingering were let go")
        assert seconds_of_a_request(server) < 0.5
        for client in lingering:
            client.close()


def test_an_answer_arrives_whole_although_the_request_body_was_not_read(redis_server: RedisServer) -> None:
    head = b"GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 30000"
    with FeedServer(redis_server.url) as server:
        client = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        client.sendall(head + b"\r\nConnection: close\r\n\r\n" + bytes(15000))
        answer = b""
        while part := client.recv(4096):
            answer += part
            client.sendall(bytes(1000))
        assert answer.endswith(b"hello")
        client.close()


def test_a_client_that_closes_is_let_go_at_once(redis_server: RedisServer) -> None:
    with FeedServer(redis_server.url) as server:
        client = ask(server)
        read_answer(client)
        client.close()
        wait_until(lambda: half_closed(server) == 0, 1.0, "let go")
        assert seconds_of_a_request(server) < 0.5


def test_clients_that_stop_sending_do_not_keep_the_threads(redis_server: RedisServer) -> None:
    with FeedServer(redis_server.url, threads=2) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(2)]
        for client in silent:
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: ")  # and then nothing
        wait_until(lambda: answers(server), 3 * LONGEST_REQUEST, "an answer")
        for client in silent:
            client.close()


def answers(server: FeedServer) -> bool:
    try:
        return seconds_of_a_request(server) < 1.0
    except OSError:
        return False
