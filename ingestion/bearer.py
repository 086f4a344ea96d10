"""Tokens of services that want one.

Here: reading it from the variable that sources.yml names.
Not here: signing in to Azure (``ingestion.azure_sign_on``).
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.errors import LandingError


def bearer_token(variable: str | None, environ: Mapping[str, str]) -> str | None:
    """The token of ``token_env``; None where the source names no variable.

    Raises:
        LandingError: the variable is not set.
    """
    if variable is None:
        return None
    if not environ.get(variable):
        raise LandingError(f"the environment variable {variable} is not set. Put the token into it")
    return environ[variable]
