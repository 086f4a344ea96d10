"""dlt's filesystem destination with whole files only, into a folder that may exist.

Here: writing each local file under another name first, then renaming it; creating the dataset's folder.
Not here: anything about buckets, whose uploads are whole or absent already.

Why: dlt 1.31 copies into place, so a process killed at that moment leaves a truncated Parquet file, and every reader
of the folder fails on it until the load is tried again.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, ClassVar

from dlt.destinations.impl.filesystem.factory import filesystem
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem


class AtomicLocalFileSystem(LocalFileSystem):
    """Local files that appear whole. Drafts have one fixed name per file, so that a second try replaces the first's."""

    cachable = False

    def put_file(self, path1: str, path2: str, callback: Any = None, **kwargs: Any) -> None:
        draft = _draft(path2)
        shutil.copyfile(path1, draft)
        os.replace(draft, path2)  # noqa: PTH105 - both are strings here

    def write_text(self, path: str, value: str, encoding: str | None = None, **kwargs: Any) -> None:
        draft = _draft(path)
        Path(draft).parent.mkdir(parents=True, exist_ok=True)
        Path(draft).write_text(value, encoding=encoding or "utf-8")
        os.replace(draft, path)  # noqa: PTH105


def _draft(path: str) -> str:
    target = Path(path)
    return str(target.with_name(f".{target.name}.draft"))


class LakeClient(FilesystemClient):
    """dlt's client over a file system whose files appear whole."""

    opened: ClassVar[AbstractFileSystem | None] = None
    """A bucket that is open already, where dlt could not sign in by itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_local_filesystem:
            self.fs_client = AtomicLocalFileSystem()
        elif self.opened is not None:
            self.fs_client = self.opened

    def create_dataset(self) -> None:
        # dlt's own fails on a folder that exists, as it does once placeholders are in it or another source came first.
        self.fs_client.makedirs(self.dataset_path, exist_ok=True)


class lake_filesystem(filesystem):  # noqa: N801 - dlt names destinations like functions
    """Used like ``dlt.destinations.filesystem``."""

    opened: AbstractFileSystem | None = None

    @property
    def client_class(self) -> type[LakeClient]:
        return type("OpenedLakeClient", (LakeClient,), {"opened": self.opened}) if self.opened else LakeClient

    def capabilities(self, config: Any = None, naming: Any = None) -> Any:
        """As dlt's, without looking through its configuration files about fifteen times a load for what is known
        here."""
        if config is None:
            config = self.spec()
            config.bucket_url = self.config_params["bucket_url"]
        return super().capabilities(config, naming)
