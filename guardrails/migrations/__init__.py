"""How the ledger's tables came to be what they are, in Alembic's steps, for SQLite and PostgreSQL alike.

Here: bringing a ledger of any earlier version to the newest, all of it or nothing.
Not here: what the tables mean (schema).

Alembic is imported only where there is something to do: opening a ledger that is up to date must not take its time.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0006"
"""The newest step."""


class UnknownVersionError(LookupError):
    """The ledger has taken a step that this program does not know: a newer one wrote it."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(f"version {version} is unknown; the newest known is {HEAD}")


def migrate(connection: Connection) -> None:
    """Take the steps that the ledger lacks, in the caller's transaction; none: all, on an empty database.

    Raises:
        UnknownVersionError: it is of a newer version.
    """
    is_of_old = inspect(connection).has_table("schema_version")
    found = _version(connection, is_of_old)
    if found == HEAD and not is_of_old:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise UnknownVersionError(found)
    if is_of_old:
        command.stamp(config, found or "base")
        connection.execute(text("DROP TABLE schema_version"))
    command.upgrade(config, "head")


def _version(connection: Connection, is_of_old: bool) -> str | None:
    """The newest step taken; None: an empty database. Ledgers of before the migrations say 1, 2 or 3."""
    if is_of_old:
        old: int = connection.execute(text("SELECT version FROM schema_version")).scalar_one()
        return f"{old:04}"
    if inspect(connection).has_table("alembic_version"):
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None
