"""What probes of file sources share.

Here: whether a folder or bucket answers, and whether it may be read and no more.
Not here: what is in the files (each source's own packages).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ingestion.errors import LandingError
from ingestion.files import StoredFile, is_azure, open_location, storage_account
from ingestion.probe import Finding

ROLE = "Storage Blob Data Reader"
_DENIED = (
    "authorizationpermissionmismatch",
    "authorizationfailure",
    "access denied",
    "accessdenied",
    "forbidden",
    "403",
)
_NO_SIGN_ON = ("defaultazurecredential failed", "authentication failed", "unable to locate credentials", "401")


def probe_files(
    url: str,
    environ: Mapping[str, str],
    list_them: Callable[[str, Mapping[str, str]], Sequence[StoredFile]],
    what: str,
) -> Iterator[Finding]:
    """Reachable and permitted for a source whose facts are files; ``what`` names them, such as ``span files``."""
    try:
        files = list_them(url, environ)
    except Exception as error:  # whatever a file system raises is what was found
        yield listing_failed(url, error)
        return
    if files:
        newest = max(files, key=lambda file: file.modified_at)
        yield Finding("reachable", "ok", f"{len(files):,} {what}, the newest {newest.name}")
    else:
        yield Finding(
            "reachable",
            "warning",
            f"{url} has no {what} yet",
            "Wait for the first delivery, or correct the source's url in sources.yml",
        )
    yield from readable_and_no_more(url, environ, files)


def listing_failed(url: str, error: Exception) -> Finding:
    """The finding for a location that could not be listed."""
    text = str(error).strip() or type(error).__name__
    said, lower = text.splitlines()[0].rstrip("."), text.lower()
    if isinstance(error, LandingError):
        message, _, remedy = said.partition(". ")
        return Finding("reachable", "failed", message, remedy or "Correct the source's settings in sources.yml")
    if isinstance(error, PermissionError) or any(word in lower for word in _DENIED):
        needed = f"Give the identity the role {ROLE} on the container" if is_azure(url) else "Allow listing and reading"
        return Finding("permitted", "failed", f"{url} may not be read: {said}", needed)
    if any(word in lower for word in _NO_SIGN_ON):
        remedy = "Sign in: az login, or the managed identity's settings" if is_azure(url) else "Give it credentials"
        return Finding("permitted", "failed", f"not signed in: {said}", remedy)
    return Finding("reachable", "failed", f"{url}: {said}", "Check the address and the network")


def readable_and_no_more(
    url: str, environ: Mapping[str, str], files: Sequence[StoredFile], *, known_container: str | None = None
) -> Iterator[Finding]:
    """Permitted: a local folder by reading, Azure by the roles at the container, other stores by hand.

    Args:
        known_container: resource id of the container, where something said it.
    """
    if is_azure(url):
        yield from _azure(url, environ, known_container)
        return
    location = open_location(url, environ)
    if not location.is_local:
        protocol = url.split("://", 1)[0]
        yield Finding(
            "permitted",
            "unknown",
            f"{protocol} does not say what else the key may do",
            "Check its policy by hand: listing and reading this folder is enough",
        )
        return
    unreadable = next((file for file in files if not os.access(Path(file.path), os.R_OK)), None)
    if unreadable is not None:
        yield Finding("permitted", "failed", f"{unreadable.path} may not be read", "Let this user read the folder")
    else:
        yield Finding("permitted", "ok", "a folder on this machine")


def _azure(url: str, environ: Mapping[str, str], known: str | None) -> Iterator[Finding]:
    from ingestion.azure.access import READ_BLOBS, container_id, judge
    from ingestion.azure.arm import ArmError, open_arm

    container = urlsplit(url).username or urlsplit(url).netloc
    try:
        arm = open_arm(environ, patience=1)
        scope = known or container_id(arm, storage_account(url, environ), container)
    except LandingError as error:
        reason = str(error) if isinstance(error, ArmError) else "its account is not known"
        scope = None
    else:
        reason = "no subscription shows its storage account"
    if scope is None:
        yield Finding(
            "permitted",
            "unknown",
            f"the container can be read; what else is allowed cannot be seen: {reason}",
            f"Check by hand that the identity holds {ROLE} on the container and nothing else",
        )
        return
    yield from judge(arm, [scope], READ_BLOBS, is_data=True, role=ROLE)
