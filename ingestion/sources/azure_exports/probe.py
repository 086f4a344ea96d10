"""How Azure's exports are: delivered at all, and readable and no more.

Here: one listing, the newest manifests, the roles at the container that they name.
Not here: whether the lake has all of it (``ingestion.health``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from finops.config.bill_sources import AzureExportsSource
from ingestion.files import StoredFile, is_azure
from ingestion.probe import Finding, ProbeContext
from ingestion.probing import ROLE, listing_failed, readable_and_no_more
from ingestion.sources.azure_exports.client import Delivery, list_delivery

_READ = 3  # manifests: enough to know the newest run also where copying gave several one time


def probe(source: AzureExportsSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable and permitted. Where a simulator's Azure is named, its roles count for a local folder too."""
    try:
        delivery = list_delivery(source.url, context.environ)
        manifests = _newest_manifests(delivery)
    except Exception as error:  # whatever a file system raises is what was found
        yield listing_failed(source.url, error)
        return
    count = len(delivery.manifest_paths)
    if not count:
        yield Finding(
            "reachable",
            "warning",
            f"{source.url} has no export yet",
            "The first run takes some hours. Start one: aifinops connect azure --apply, or Run now in the portal",
        )
    else:
        submitted = max((_submitted(manifest) for manifest in manifests), default="")
        newest = f", the newest {submitted}" if submitted else ""
        yield Finding("reachable", "ok", f"{count:,} runs delivered{newest}")
    container = next(filter(None, map(_container, manifests)), None)
    yield from _permitted(source, context, list(delivery.files.values()), container)


def _permitted(
    source: AzureExportsSource, context: ProbeContext, files: Sequence[StoredFile], container: str | None
) -> Iterator[Finding]:
    from ingestion.azure.access import READ_BLOBS, judge
    from ingestion.azure.arm import ENDPOINT_VARIABLE, open_arm

    stands_for_azure = container is not None and bool(context.environ.get(ENDPOINT_VARIABLE))
    if container is not None and stands_for_azure and not is_azure(source.url):
        yield from judge(open_arm(context.environ), [container], READ_BLOBS, is_data=True, role=ROLE)
        return
    yield from readable_and_no_more(source.url, context.environ, files, known_container=container)


def _newest_manifests(delivery: Delivery) -> list[dict[str, Any]]:
    paths = sorted(delivery.manifest_paths, key=lambda path: (delivery.files[path].modified_at, path))[-_READ:]
    found = []
    for path in paths:
        with delivery.location.filesystem.open(path, "rb") as file:
            try:
                document = json.loads(file.read())
            except ValueError:
                continue  # Azure is still writing it
        if isinstance(document, dict):
            found.append(document)
    return found


def _submitted(manifest: dict[str, Any]) -> str:
    text = str((manifest.get("runInfo") or {}).get("submittedTime", ""))
    return f"{text[:10]} {text[11:16]} UTC" if text else ""


def _container(manifest: dict[str, Any]) -> str | None:
    uri = str((manifest.get("deliveryConfig") or {}).get("containerUri") or "")
    return uri if uri.lower().startswith("/subscriptions/") else None
