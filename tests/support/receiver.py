"""A real HTTP receiver of notifications on this machine, whose answers a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.answering import Answer, Request, answering


@dataclass
class Receiver:
    """``answer`` gets each request and says status and headers; like a good receiver it keeps webhook ids."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], tuple[int, dict[str, str]]] = lambda _request: (202, {})
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def webhook_ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests if "webhook-id" in request.headers]


@contextmanager
def receiving(answer: Callable[[Request], tuple[int, dict[str, str]]] | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    if answer:
        receiver.answer = answer

    def receive(request: Request, _url: str) -> Answer:
        with receiver.lock:
            receiver.requests.append(request)
        status, headers = receiver.answer(request)
        return Answer(status, headers=headers)

    with answering(receive) as server:
        receiver.url = server.url
        yield receiver
