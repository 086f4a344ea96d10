"""Azurite, Microsoft's emulator of Azure Storage, for tests that read and write az:// addresses.

Here: finding it, and running it on a free port of this machine.
Not here: installing it (Makefile) and what is stored in it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INSTALL_VARIABLE = "AIFINOPS_AZURITE"
PROGRAM = "azurite-blob"
_INSTALLED = Path(__file__).resolve().parents[2] / ".cache" / "azurite"
_ACCOUNT = "devstoreaccount1"
# The key that every Azurite has; it opens nothing else.
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class UnavailableError(Exception):
    """Azurite cannot be found, or does not start; says why."""


@dataclass(frozen=True)
class Azurite:
    connection_string: str

    @property
    def environ(self) -> dict[str, str]:
        return {"AZURE_STORAGE_CONNECTION_STRING": self.connection_string}


def executable() -> str:
    """``azurite-blob``: below the folder that AIFINOPS_AZURITE names, else on the PATH, else where ``make azurite``
    installs it.

    Raises:
        UnavailableError: it is nowhere.
    """
    if shutil.which("node") is None:
        raise UnavailableError("Azurite needs Node.js, and there is no node on the PATH")
    named = os.environ.get(INSTALL_VARIABLE)
    folders = [Path(named)] if named else [_INSTALLED]
    installed = [folder / "node_modules" / ".bin" / PROGRAM for folder in folders]
    found = next((str(path) for path in installed if path.exists()), None)
    found = found or (None if named else shutil.which(PROGRAM))
    if found is None:
        raise UnavailableError(f"{installed[0]} does not exist; `make azurite` installs it")
    return found


@contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """A running Azurite that keeps its blobs in ``folder``.

    Raises:
        UnavailableError: it is nowhere, or does not start.
    """
    program = executable()
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    process = subprocess.Popen(
        [*command, "--skipApiVersionCheck", "--disableTelemetry"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    # What it says after it listens is thrown away, so that it never waits for a reader.
    reader = threading.Thread(target=lambda output: [None for _ in output], args=(process.stdout,), daemon=True)
    try:
        _wait_for(process)
        reader.start()
        yield Azurite(
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{_ACCOUNT};"
        )
    finally:
        process.terminate()
        process.wait(timeout=30)
        if reader.ident is not None:
            reader.join(timeout=30)
        process.stdout.close()


def _wait_for(process: subprocess.Popen[str]) -> None:
    """Until it says that it listens."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "successfully listen" in line:
            return
    raise UnavailableError(f"azurite ended: {''.join(said)[-300:]}")
