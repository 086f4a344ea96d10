"""Signing on: OpenID Connect's authorization code flow with PKCE, and access tokens of programs.

Here: the issuer's metadata and keys, the way there and back, proof of tokens.
Not here: sessions and cookies (sessions), roles (people, rules), routes (app).

https://openid.net/specs/openid-connect-core-1_0.html, https://www.rfc-editor.org/rfc/rfc9700 (best practice),
https://www.rfc-editor.org/rfc/rfc9207 (the issuer in the answer),
https://www.rfc-editor.org/rfc/rfc9068 (access tokens).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from finops.config.portal import LOOPBACK, SignOn

log = logging.getLogger(__name__)
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Only signatures that the issuer alone can make: never ``none``, never one by a shared secret."""
ENTRA_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
LEEWAY_SECONDS = 60
METADATA_SECONDS = 24 * 3600.0
KEYS_SECONDS = 3600.0
NEW_KEYS_SECONDS = 30.0
"""An unknown key is looked for no more often than this: anybody can send a token that names one."""
TIMEOUT_SECONDS = 10.0


class SignOnError(Exception):
    """Somebody could not be signed on. ``status`` is HTTP's; the message is for them and holds no secret."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True)
class Started:
    """A sign-on under way: where the browser is sent, and what must be known when it comes back."""

    address: str
    remembered: dict[str, str]


class Issuer:
    """One issuer of identities; coroutines of one event loop may share it."""

    def __init__(self, settings: SignOn, secret: str | None, redirect_uri: str) -> None:
        self.settings = settings
        self.redirect_uri = redirect_uri
        self._secret = secret
        self._metadata: dict[str, Any] = {}
        self._metadata_at = self._keys_at = float("-inf")
        self._keys = KeySet([])
        self._lock = asyncio.Lock()

    @property
    def origin(self) -> str:
        """Where a session ends: browsers let a form end only where its page says, also behind a redirect."""
        parts = urlsplit(str(self._metadata.get("end_session_endpoint") or self.settings.issuer))
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def power_query_address(self) -> str | None:
        """Where Power BI and Excel sign people in before they read the API; they can with Entra ID only, of which they
        take the tenant from this address. None with other issuers, and where programs may not sign on.
        https://learn.microsoft.com/power-query/connector-authentication
        """
        issuer = self.settings.issuer
        if self.settings.api_audience is None or urlsplit(issuer).hostname not in ENTRA_HOSTS:
            return None
        return f"{issuer.removesuffix('/v2.0')}/oauth2/authorize"

    async def begin(self, return_to: str) -> Started:
        """
        Raises:
            SignOnError: the issuer cannot be reached.
        """
        metadata = await self.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
                response_type="code",
            )
        return Started(address, {"state": state, "nonce": nonce, "verifier": verifier, "next": return_to})

    async def finish(self, answer: Mapping[str, str], remembered: Mapping[str, str]) -> dict[str, Any]:
        """The proven claims of whoever came back.

        Raises:
            SignOnError: it is not the sign-on that was begun here, the issuer refused, or its token proves nothing.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), remembered["state"].encode()):
            raise SignOnError("This sign-on is not the one that was begun in this browser. Try again.")
        metadata = await self.metadata()
        if "iss" in answer and answer["iss"].rstrip("/") != self.settings.issuer:
            raise SignOnError("The answer does not come from the issuer that was asked.")
        if "error" in answer:
            log.info("the issuer refused a sign-on: %s", answer["error"][:80])
            raise SignOnError("The issuer did not sign you on. Try again, or ask whoever runs it.", 403)
        if not answer.get("code"):
            raise SignOnError("The issuer's answer has no code. Try again.")
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=answer["code"],
                    code_verifier=remembered["verifier"],
                )
        except Exception as error:  # Authlib chooses its HTTP client by what is installed, and with it the errors
            log.warning("the issuer gave no token: %s", getattr(error, "error", type(error).__name__))
            raise SignOnError("The issuer gave no token for this sign-on. Try again.", 502) from None
        if not isinstance(token.get("id_token"), str):
            raise SignOnError("The issuer's answer has no id token.", 502)
        claims = await self.prove(token["id_token"], self.settings.client_id)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), remembered["nonce"].encode()):
            raise SignOnError("The issuer's token is not of this sign-on. Try again.")
        return claims

    async def program(self, token: str) -> dict[str, Any]:
        """The proven claims of an access token that a program sent.

        Raises:
            SignOnError: it is none for this API.
        """
        audience = self.settings.api_audience
        if audience is None:
            raise SignOnError("Programs may not sign on here: portal.yml names no api_audience.", 401)
        claims = await self.prove(token, audience)
        # An id token says who signed on at a client, and is no permission to anything.
        is_access = claims["__typ"] in ("at+jwt", "application/at+jwt") or claims.get("idtyp") == "app"
        if not is_access and not (claims.get("scp") or claims.get("scope")):
            raise SignOnError("This is an id token; send an access token.", 401)
        return claims

    async def prove(self, token: str, audience: str) -> dict[str, Any]:
        """The claims of a token, once its signature, issuer, audience and times are proven.

        Raises:
            SignOnError: one of them is not as it must be.
        """
        if len(token) > 16_384:
            raise SignOnError("The token is too long.", 401)
        await self._read_keys(KEYS_SECONDS)
        try:
            try:
                read = jwt.decode(token, self._keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                # The issuer may have taken a new key since.
                if not await self._read_keys(NEW_KEYS_SECONDS):
                    raise
                read = jwt.decode(token, self._keys, algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                now=lambda: int(time.time()),
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": (await self.metadata())["issuer"]},
                aud={"essential": True, "value": audience},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            ).validate(read.claims)
        except (JoseError, ValueError, TypeError) as error:
            log.info("a token was refused: %s", type(error).__name__)
            raise SignOnError(f"The token is not valid: {_why(error)}.", 401) from None
        if isinstance(read.claims["aud"], list) and read.claims.get("azp", audience) != audience:
            raise SignOnError("The token is not valid: it was made for another client.", 401)
        return {**read.claims, "__typ": str(read.header.get("typ", "")).lower()}

    async def sign_out_address(self, return_to: str) -> str | None:
        """Where the issuer ends its own session; None where it cannot
        (https://openid.net/specs/openid-connect-rpinitiated-1_0.html)."""
        try:
            address = (await self.metadata()).get("end_session_endpoint")
        except SignOnError:
            return None
        if not address:
            return None
        values = {"client_id": self.settings.client_id, "post_logout_redirect_uri": return_to}
        return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}"

    async def metadata(self) -> dict[str, Any]:
        """The issuer's discovery document.

        Raises:
            SignOnError: it cannot be read, or is another issuer's.
        """
        async with self._lock:
            if time.monotonic() - self._metadata_at > METADATA_SECONDS:
                found = await self._get(f"{self.settings.issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != self.settings.issuer:
                    raise SignOnError("The issuer's discovery document names another issuer.", 502)
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    parts = urlsplit(str(found.get(name, "")))
                    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                        raise SignOnError(f"The issuer's {name} is not reached over TLS.", 502)
                self._metadata, self._metadata_at = found, time.monotonic()
            return self._metadata

    async def _read_keys(self, older_than: float) -> bool:
        """Read the issuer's keys again if they are older; whether they were read."""
        address = (await self.metadata())["jwks_uri"]
        async with self._lock:
            if time.monotonic() - self._keys_at <= older_than:
                return False
            found = await self._get(address)
            try:
                self._keys, self._keys_at = KeySet.import_key_set(found), time.monotonic()  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError):
                raise SignOnError("The issuer's keys cannot be read.", 502) from None
            return True

    async def _get(self, address: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                answer = await client.get(address)
                answer.raise_for_status()
                found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("the issuer cannot be reached: %s", type(error).__name__)
            raise SignOnError("The issuer of identities cannot be reached. Try again in a minute.", 502) from None
        if not isinstance(found, dict):
            raise SignOnError("The issuer's answer cannot be read.", 502)
        return found

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self.settings.client_id,
            self._secret,
            token_endpoint_auth_method="client_secret_post" if self._secret else "none",
            scope=" ".join(self.settings.scopes),
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
        )


def _why(error: Exception) -> str:
    name = type(error).__name__
    claim = getattr(error, "claim", None)
    if name == "ExpiredTokenError":
        return "it has expired"
    if claim:
        return f"its claim {claim} is missing or another one"
    return "its signature proves nothing"
