"""A receiver of guardrails' webhooks to start from: checks the signature, acts once per id, answers.

    pip install standardwebhooks
    export AIFINOPS_WEBHOOK_SECRET=whsec_…            # the same as in the sender's environment
    python receiver.py --port 8900 --ids ids.sqlite

Fill in ``act``: it gets the body that was checked, once per webhook-id, however often it comes. What it raises is
answered 500, and the sender tries again later with the same id.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BODY_BYTES = 20 * 1024
Act = Callable[[dict[str, Any]], None]


def act(body: dict[str, Any]) -> None:
    """Do what the order says: data.action with data.target, or undo it where type is guardrail.released.

    Never touch what data.except names. Releasing what is not held back is a success.
    """
    data = body["data"]
    if data.get("dry_run"):
        return
    target = data["target"]
    logging.info("%s: %s %s %s", body["type"], data["action"], target["type"], target["value"])


def handle(body: bytes, headers: dict[str, str], secret: str, ids: sqlite3.Connection, acting: Act) -> tuple[int, str]:
    """Status and words of the answer to one request; header names in lower case."""
    try:
        # Also refuses what is more than five minutes away from this machine's clock.
        Webhook(secret).verify(body.decode(), headers)
    except (WebhookVerificationError, ValueError) as error:
        return 401, f"{error or 'bad signature'}; check the secret, and the clocks of both machines"
    name = headers["webhook-id"]
    # One transaction around the id and the act: killed in between, the id is not kept, and the order comes again. So an
    # act should do no harm when it is repeated.
    try:
        ids.execute("BEGIN IMMEDIATE")
        if ids.execute("SELECT 1 FROM seen WHERE id = ?", (name,)).fetchone():
            ids.execute("ROLLBACK")
            return 200, "known"
        ids.execute("INSERT INTO seen VALUES (?)", (name,))
        acting(json.loads(body))
        ids.execute("COMMIT")
    except Exception as error:
        if ids.in_transaction:
            ids.execute("ROLLBACK")
        return 500, f"not done: {error}"
    return 200, "done"


def serve(port: int, path: Path, secret: str, acting: Act = act) -> ThreadingHTTPServer:
    """A server on this machine, not started yet."""

    def open_ids() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        connection.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
        return connection

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if not 0 < length <= MAX_BODY_BYTES:
                self._answer(413, "no body, or one that is too large")
                return
            body = self.rfile.read(length)
            ids = open_ids()
            try:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._answer(*handle(body, headers, secret, ids, acting))
            finally:
                ids.close()

        def _answer(self, status: int, words: str) -> None:
            content = words.encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    open_ids().close()
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Receive guardrails' webhooks")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--ids", type=Path, default=Path("ids.sqlite"), help="SQLite file that keeps the ids")
    options = parser.parse_args()
    secret = os.environ.get("AIFINOPS_WEBHOOK_SECRET", "")
    if not secret:
        sys.exit("set AIFINOPS_WEBHOOK_SECRET to the sender's secret")
    server = serve(options.port, options.ids, secret)
    logging.info("listening on http://127.0.0.1:%s; put TLS in front of it", options.port)
    server.serve_forever()


if __name__ == "__main__":
    main()
