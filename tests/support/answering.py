"""A real HTTP server on this machine that says exactly what a test tells it to: answers that no simulator gives.

Here: any method, status, headers and body, in a function of the test.
Not here: receiving notifications (``receiver``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Answering:
    """``url`` has no trailing slash; ``requests`` are all that came."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)


@contextmanager
def answering(answer: Callable[[Request, str], Answer]) -> Iterator[Answering]:
    """``answer`` gets each request and the server's own address."""
    state = Answering()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, content)
            state.requests.append(request)
            given = answer(request, state.url)
            body = given.body.encode()
            self.send_response(given.status)
            for name, value in {**given.headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
