"""An issuer of identities on this machine, for tests of sign-on: a real OpenID provider over HTTP that can lie.

Here: running it, who has an account there, its keys, what is wrong with the next tokens.
Not here: what the portal makes of it.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import flask
import httpx
import oidc_provider_mock
import werkzeug.serving
from joserfc import jwt
from joserfc.jwk import RSAKey

Claims = dict[str, Any]


@dataclass
class TestIssuer:
    """``bend`` changes the claims of the next tokens; ``forge`` signs them by a key that is not published."""

    __test__ = False

    url: str
    keys: list[RSAKey] = field(default_factory=list)
    bend: Callable[[Claims], Claims] = lambda claims: claims
    forge: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)

    def account(self, name: str, *roles: str, **claims: Any) -> None:
        """Somebody who can sign on."""
        said = {"roles": list(roles), "preferred_username": name, "oid": f"oid-{name}", "tid": "tenant", **claims}
        httpx.put(f"{self.url}/users/{name}", json=said).raise_for_status()

    def rotate(self) -> None:
        """From now on tokens are signed by a new key, and only that one is published."""
        self.keys = [RSAKey.generate_key(2048, {"kid": f"key-{len(self.keys) + 1}-{id(self.keys)}", "use": "sig"})]

    def token(self, **claims: Any) -> str:
        """Any token, as an access token would be."""
        header = {"alg": "RS256", "kid": self.keys[0].kid, "typ": claims.pop("typ", "JWT")}
        return jwt.encode(header, claims, self.keys[0], algorithms=["RS256"])

    def allow(self, address: str, name: str) -> str:
        """What the person's browser does at the issuer: agree; where it is sent back to."""
        answer = httpx.post(address, data={"sub": name}, follow_redirects=False)
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["location"]


@contextmanager
def issuing() -> Iterator[TestIssuer]:
    application = oidc_provider_mock.app(require_nonce=True)
    server = werkzeug.serving.make_server("127.0.0.1", 0, application, threaded=True)
    issuer = TestIssuer(f"http://127.0.0.1:{server.server_port}")
    issuer.rotate()

    @application.after_request
    def lie(response: flask.Response) -> flask.Response:
        path = flask.request.path
        if path == "/jwks":
            response.set_data(json.dumps({"keys": [key.as_dict(private=False) for key in issuer.keys]}))
        elif path == "/oauth2/token":
            issuer.asked.append(flask.request.form.to_dict())
            document = response.get_json()
            if response.status_code == 200 and "id_token" in document:
                payload = document["id_token"].split(".")[1]
                claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
                document["id_token"] = _signed(issuer, issuer.bend(claims))
                response.set_data(json.dumps(document))
        return response

    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _signed(issuer: TestIssuer, claims: Claims) -> str:
    key = RSAKey.generate_key(2048, {"kid": issuer.keys[0].kid}) if issuer.forge else issuer.keys[0]
    return jwt.encode({"alg": "RS256", "kid": issuer.keys[0].kid}, claims, key, algorithms=["RS256"])
