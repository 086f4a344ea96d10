"""Addresses of the portal's pages and of Dagster's assets, for whoever links there.

Here: where the portal is, the paths of its pages, an asset's page in Dagster.
Not here: pages (portal, reports), who may open them (portal.rules).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

PORTAL_VARIABLE = "AIFINOPS_PORTAL_URL"


def portal_address(environ: Mapping[str, str]) -> str:
    """As people reach the portal, without a slash at the end; empty where nobody said."""
    return environ.get(PORTAL_VARIABLE, "").strip().rstrip("/")


def page_path(name: str, scope: str | None = None, query: str = "", anchor: str = "") -> str:
    """A dashboard: ``/p/gpu``, ``/p/team/search?period=2026-09#why``."""
    path = f"/p/{name}" + (f"/{quote(scope, safe='')}" if scope is not None else "")
    return path + (f"?{query}" if query else "") + (f"#{anchor}" if anchor else "")


def incident_path(incident_id: str) -> str:
    return f"/incidents/{quote(incident_id, safe='')}"


def policy_path(policy_id: str) -> str:
    return f"/policies/{quote(policy_id, safe='')}"


def document_path(place: str, file: str) -> str:
    """A file of a digest or pack that was sent; ``place`` is its folder among all, of names that are safe anywhere."""
    return f"/documents/{place}/{file}"


def asset_address(dagster: str, key: Sequence[str]) -> str:
    """An asset's page in Dagster's UI, which is at ``dagster``."""
    return f"{dagster}/assets/{'/'.join(quote(part, safe='') for part in key)}"
