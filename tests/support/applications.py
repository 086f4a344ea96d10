"""An application on a real socket of this machine, in a thread or as a program of its own.

Here: starting it, where it is, ending it.
Not here: what is served (portal, gates), plain answers (answering).
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import uvicorn

from finops.paths import PROJECT_DIR

END_SECONDS = 20


@contextmanager
def running(config: uvicorn.Config, listener: socket.socket | None = None) -> Iterator[str]:
    """The address of what ``config`` serves, without a trailing slash; on ``listener`` where the address must be known
    before the application is made."""
    with ExitStack() as stack:
        bound = listener or stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                thread.join(0.01)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(END_SECONDS)
        assert not thread.is_alive(), "the server did not end"


@contextmanager
def running_command(*arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    """The port of ``aifinops`` with a command that serves, on a free one: it says where once it listens."""
    command = [sys.executable, "-m", "cli.entry", *arguments, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=PROJECT_DIR, env=environ) as server:
        try:
            said = server.stderr.readline() if server.stderr else ""
            found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
            assert found, f"it did not listen: {said}"
            yield int(found[1])
        finally:
            server.terminate()
