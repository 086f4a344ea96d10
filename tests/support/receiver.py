"""A real HTTP receiver on this machine, whose answers a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str]]


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Receiver:
    """``answer`` gets each request and says status and headers; like a good receiver it keeps webhook ids."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Answer] = lambda _request: (202, {})
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def webhook_ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests if "webhook-id" in request.headers]


@contextmanager
def receiving(answer: Callable[[Request], Answer] | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    if answer:
        receiver.answer = answer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            with receiver.lock:
                receiver.requests.append(request)
            status, headers = receiver.answer(request)
            try:
                self.send_response(status)
                for name, value in {"content-length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
            except (BrokenPipeError, ConnectionResetError):
                pass  # the sender was killed while it waited

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
