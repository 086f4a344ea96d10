"""A real HTTP server on this machine that says exactly what a test tells it to: answers that no simulator gives.

Here: any method, status, headers and body, in a function of the test; every server of the tests that is no application.
Not here: receiving notifications (receiver), strict stand-ins for whole APIs (fake_*), applications (applications).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """``path`` is as it came, with its query; names of ``headers`` are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def place(self) -> str:
        """The path without its query, in plain characters."""
        return unquote(urlsplit(self.path).path)

    @property
    def query(self) -> dict[str, str]:
        """The first value of each name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def document(self) -> Any:
        """The body as JSON; None without one."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: str | bytes = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """A document as JSON; None is no body."""
        return cls(status, "" if document is None else json.dumps(document), headers or {})


@dataclass
class Answering:
    """``url`` has no trailing slash; ``requests`` are all that came."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)


@contextmanager
def answering(answer: Callable[[Request, str], Answer]) -> Iterator[Answering]:
    """``answer`` gets each request and the server's own address, several at a time."""
    state = Answering()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, content)
            state.requests.append(request)
            given = answer(request, state.url)
            body = given.body if isinstance(given.body, bytes) else given.body.encode()
            said = {"date": self.date_time_string(), "content-length": str(len(body)), **given.headers}
            # Whoever asked may have been killed while it waited.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response_only(given.status)
                for name, value in said.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
