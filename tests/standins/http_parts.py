"""What the stand-ins that answer over HTTP have in common: many clients at once, and no words about it."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ManyClients(ThreadingHTTPServer):
    """A thread for each connection; none of them keeps the process from ending."""

    daemon_threads = True
    request_queue_size = 128


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open, logs nothing (the stand-in's `requests` tell), and bears that a client goes away."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on standard error."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True
