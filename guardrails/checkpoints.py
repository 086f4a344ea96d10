"""Where checkpoints of the audit trail are kept: beside the ledger, and in a second place that its writer cannot edit.

Here: reading and writing one text at a path or at any address that fsspec reaches.
Not here: what a checkpoint says and proves (audit).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


class PlaceError(OSError):
    """A place cannot be reached; the message says which and why."""


@dataclass(frozen=True)
class Place:
    """One text at ``location``: a path, or a URL such as ``abfss://audit@account.dfs.core.windows.net/aifinops.json``.

    A folder (a path that is one, an address that ends with a slash) gets a file ``ledger.checkpoint``.
    """

    location: str

    @property
    def _address(self) -> str:
        is_folder = self.location.endswith("/") or ("://" not in self.location and Path(self.location).is_dir())
        return f"{self.location.rstrip('/')}/ledger.checkpoint" if is_folder else self.location

    def read(self) -> str | None:
        """None where nothing was written yet.

        Raises:
            PlaceError: the place cannot be reached.
        """
        try:
            if "://" not in self._address:
                return Path(self._address).read_text(encoding="utf-8")
            import fsspec

            with fsspec.open(self._address, "r", encoding="utf-8") as file:
                text: str = file.read()
                return text
        except FileNotFoundError:
            return None
        except Exception as error:  # every store has its own exceptions
            raise PlaceError(f"{self.location} cannot be read: {_first_line(error)}") from error

    def write(self, text: str) -> None:
        """Replace the text whole.

        Raises:
            PlaceError: the place cannot be written.
        """
        try:
            if "://" in self._address:
                import fsspec

                with fsspec.open(self._address, "w", encoding="utf-8") as file:
                    file.write(text)
                return
            path = Path(self._address)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.{os.getpid()}.part")
            with part.open("w", encoding="utf-8") as local:
                local.write(text)
                local.flush()
                os.fsync(local.fileno())
            part.replace(path)
        except Exception as error:  # every store has its own exceptions
            raise PlaceError(f"{self.location} cannot be written: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
