"""Signing in to Azure's APIs.

Here: the credential of this machine, or a static token for simulators and tests, which is only sent where it is safe.
Not here: requests (each source's ``client``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.addresses import is_safe
from ingestion.errors import LandingError

STATIC_TOKEN_VARIABLE = "AIFINOPS_AZURE_TOKEN"  # noqa: S105 - the name of a variable


def sign_on(credential: str, endpoint: str, environ: Mapping[str, str], source_id: str) -> tuple[Any, dict[str, Any]]:
    """A credential, and what else an Azure client needs to use it.

    Raises:
        LandingError: the static token is missing, or would be sent unencrypted over a network.
    """
    if credential == "default":
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(), {}
    token = environ.get(STATIC_TOKEN_VARIABLE)
    if not token:
        raise LandingError(
            f"{source_id} has credential: static, but {STATIC_TOKEN_VARIABLE} is not set. Set it, or use "
            "credential: default"
        )
    if not is_safe(endpoint):
        raise LandingError(f"{endpoint} is not encrypted: a token is only sent over https, or to this machine itself")
    return static_token(token)


def static_token(token: str) -> tuple[Any, dict[str, Any]]:
    """What an Azure client needs to send a token as it is: a credential, and the policy that signs instead of it."""
    return _NoCredential(), {"authentication_policy": _static_token_policy(token)}


class _NoCredential:
    """Clients insist on a credential also where a policy signs the requests."""

    def get_token(self, *_: str, **__: Any) -> Any:
        raise NotImplementedError


def _static_token_policy(token: str) -> Any:
    """A policy of azure-core that adds the token; azure-core's own refuses http even to this machine."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class StaticTokenPolicy(SansIOHTTPPolicy):
        def on_request(self, request: Any) -> None:
            request.http_request.headers["Authorization"] = f"Bearer {token}"

    return StaticTokenPolicy()
