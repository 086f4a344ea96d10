"""Files wherever they are: a local folder, Azure Blob Storage, any fsspec file system.

Here: opening a location, listing it, fingerprints and hashes of content.
Not here: reading what is in a file (``ingestion.tabular``) and deciding whether it is new (``ingestion.snapshots``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.core import url_to_fs

from ingestion.errors import LandingError

STORAGE_ACCOUNT_VARIABLE = "AZURE_STORAGE_ACCOUNT_NAME"
CONNECTION_VARIABLE = "AZURE_STORAGE_CONNECTION_STRING"
_AZURE_PROTOCOLS = ("az", "abfs", "abfss")
_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Location:
    """A file or folder on some file system; ``root`` has no protocol and no trailing slash."""

    filesystem: fsspec.AbstractFileSystem
    root: str
    is_local: bool

    def join(self, *parts: str) -> str:
        return "/".join((self.root, *parts))

    def address(self, path: str) -> str:
        """How people and DuckDB name a path: plain where it is local, else with its protocol."""
        return path if self.is_local else str(self.filesystem.unstrip_protocol(path))


@dataclass(frozen=True)
class StoredFile:
    """One listed file. ``fingerprint`` changes whenever the content may have changed, without reading it."""

    location: Location
    path: str
    size: int
    modified_at: datetime
    etag: str

    @property
    def address(self) -> str:
        return self.location.address(self.path)

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def fingerprint(self) -> str:
        return f"{self.size}:{self.modified_at.isoformat()}:{self.etag}"


def open_location(url: str, environ: Mapping[str, str]) -> Location:
    """Open a path or URL. Azure signs in with the default credential of the machine, or with the connection string in
    ``AZURE_STORAGE_CONNECTION_STRING``, as emulators need it; never with a key from a file."""
    protocol = url.split("://", 1)[0] if "://" in url else "file"
    if protocol == "file":
        path = Path(url.removeprefix("file://")).expanduser().resolve()
        return Location(fsspec.filesystem("file"), path.as_posix(), is_local=True)
    options: dict[str, Any] = {}
    if is_azure(url):
        connection = environ.get(CONNECTION_VARIABLE)
        options["anon"] = False
        if connection:
            options["connection_string"] = connection
        elif "@" not in url:
            options["account_name"] = storage_account(url, environ)
    filesystem, root = url_to_fs(url, use_listings_cache=False, **options)
    return Location(filesystem, root.rstrip("/"), is_local=False)


def storage_account(url: str, environ: Mapping[str, str]) -> str:
    """The storage account of an Azure URL.

    Raises:
        LandingError: neither the URL nor the environment says it.
    """
    parts = urlsplit(url)
    account = (parts.hostname or "").split(".")[0] if parts.username else environ.get(STORAGE_ACCOUNT_VARIABLE)
    account = account or _account_of(environ.get(CONNECTION_VARIABLE, ""))
    if not account:
        raise LandingError(
            f"{url} does not say which storage account it is in. Set {STORAGE_ACCOUNT_VARIABLE}, or write "
            "az://container@account.dfs.core.windows.net/path"
        )
    return account


def _account_of(connection: str) -> str | None:
    settings = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
    return settings.get("AccountName")


def is_azure(url: str) -> bool:
    return url.split("://", 1)[0] in _AZURE_PROTOCOLS


def list_files(location: Location) -> list[StoredFile]:
    """All files below a folder in path order, or the one file. Names that start with ``.`` or ``_`` are left out.

    Raises:
        LandingError: the location does not exist.
    """
    try:
        if location.filesystem.isfile(location.root):
            infos = {location.root: location.filesystem.info(location.root)}
        else:
            infos = location.filesystem.find(location.root, detail=True)
            if not infos and not location.filesystem.exists(location.root):
                raise FileNotFoundError
    except FileNotFoundError:
        address = location.address(location.root)
        raise LandingError(f"{address} does not exist. Correct the source's url in sources.yml") from None
    files = []
    for path, info in sorted(infos.items()):
        if info.get("type", "file") == "file" and not path.rsplit("/", 1)[-1].startswith((".", "_")):
            etag = str(info.get("etag") or info.get("ETag") or "")
            files.append(StoredFile(location, path, int(info["size"]), _modified_at(info), etag))
    return files


def base_suffix(file: StoredFile) -> str:
    """``.csv`` of ``a.csv`` and ``a.csv.gz``, lower case."""
    return Path(file.name.lower().removesuffix(".gz")).suffix


def list_files_of_kind(
    url: str, environ: Mapping[str, str], suffixes: Collection[str], otherwise: str
) -> list[StoredFile]:
    """Files with one of the suffixes (also with .gz after it) below ``url``, or the one file.

    Args:
        otherwise: what is said of one file of another kind, after its address.

    Raises:
        LandingError: nothing is there, or the one file is of another kind.
    """
    location = open_location(url, environ)
    files = list_files(location)
    wanted = [file for file in files if base_suffix(file) in suffixes]
    if len(files) == 1 and files[0].path == location.root and not wanted:
        raise LandingError(f"{files[0].address} {otherwise}")
    return wanted


def _modified_at(info: Mapping[str, Any]) -> datetime:
    for key in ("mtime", "last_modified", "LastModified", "created"):
        value = info.get(key)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(0, UTC)


def sha256(file: StoredFile) -> str:
    """Hex SHA-256 of the content as stored (compressed where it is)."""
    digest = hashlib.sha256()
    with file.location.filesystem.open(file.path, "rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
