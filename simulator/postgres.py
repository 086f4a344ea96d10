"""A PostgreSQL server of its own, for as long as a block lasts.

Here: finding the programs, starting and stopping a private server in a temporary folder.
Not here: what is in its databases (``simulator.litellm``).

The server listens on a socket in that folder only. PostgreSQL refuses to run as root, so there it runs as another user
of the machine.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

OWNER = "aifinops"
_FOLDER_PREFIX = "aifinops-postgres-"
_UNPRIVILEGED = ("postgres", "nobody")
_SETTINGS = {"listen_addresses": "", "max_connections": "80"}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresMissingError(RuntimeError):
    """PostgreSQL is not installed here, or cannot run here."""


def programs() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl`` of the newest version; None where PostgreSQL is not installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0)
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextmanager
def private_postgres(database: str = "postgres", *, survives_crashes: bool = False) -> Iterator[str]:
    """Start a server, create a database and yield its address, ``postgresql://…``; stop and remove it afterwards.

    Args:
        survives_crashes: keep what was committed when the server is stopped hard, which takes time; most servers live
            no longer than the block.

    Raises:
        PostgresMissingError: it is not installed, or there is no user to run it as.
    """
    folder_of_programs = programs()
    if folder_of_programs is None:
        raise PostgresMissingError("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    identity = _identity()
    _remove_leftovers(folder_of_programs, identity)
    # The path of a socket may have 107 characters at most, so not below a test's own folder.
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX, dir="/tmp"))
    try:
        (folder / "owner.pid").write_text(str(os.getpid()), encoding="ascii")
        if identity:
            os.chown(folder, *identity)
        data = folder / "data"
        _run(
            [folder_of_programs / "initdb", "--pgdata", data, "--username", OWNER, "--auth", "trust", "--no-sync",
             "--encoding", "UTF8", "--locale", "C"],
            folder, identity,
        )  # fmt: skip
        settings = _SETTINGS if survives_crashes else _SETTINGS | _FORGETFUL
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        options += f" -c unix_socket_directories={folder}"
        _run(
            [folder_of_programs / "pg_ctl", "start", "--wait", "--pgdata", data, "--log", folder / "log", "--options",
             options],
            folder, identity,
        )  # fmt: skip
        if database != "postgres":
            _run([folder_of_programs / "createdb", "--host", folder, "--username", OWNER, database], folder, identity)
        yield f"postgresql://{OWNER}@/{database}?host={quote(str(folder), safe='')}"
    finally:
        _stop(folder_of_programs, folder, identity)


def _identity() -> tuple[int, int] | None:
    """User and group to run as; None where this process's own will do."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise PostgresMissingError("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _run(command: list[str | Path], folder: Path, identity: tuple[int, int] | None) -> None:
    # A file, not a pipe: the server inherits it and would keep a pipe open.
    with (folder.parent / f"{folder.name}.out").open("w+", encoding="utf-8") as output:
        done = subprocess.run(
            list(map(str, command)),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            user=identity[0] if identity else None,
            group=identity[1] if identity else None,
            extra_groups=[] if identity else None,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        )
        if done.returncode:
            output.seek(0)
            raise PostgresMissingError(f"{Path(command[0]).name} failed: {output.read().strip()}")


def _stop(folder_of_programs: Path, folder: Path, identity: tuple[int, int] | None) -> None:
    if (folder / "data" / "postmaster.pid").exists():
        with contextlib.suppress(PostgresMissingError):
            stop: list[str | Path] = [folder_of_programs / "pg_ctl", "stop", "--pgdata", folder / "data"]
            _run([*stop, "--mode", "immediate"], folder, identity)
    shutil.rmtree(folder, ignore_errors=True)
    (folder.parent / f"{folder.name}.out").unlink(missing_ok=True)


def _remove_leftovers(folder_of_programs: Path, identity: tuple[int, int] | None) -> None:
    """Stop and remove the servers of processes that were killed."""
    for folder in Path("/tmp").glob(f"{_FOLDER_PREFIX}*/"):  # noqa: S108
        try:
            owner = int((folder / "owner.pid").read_text(encoding="ascii"))
            os.kill(owner, 0)
        except ProcessLookupError:
            _stop(folder_of_programs, folder, identity)
        except (OSError, ValueError):
            continue  # another user's, or just being made
