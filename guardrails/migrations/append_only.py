"""Tables whose rows no statement may change or remove, whoever sends it.

Here: the triggers of SQLite and PostgreSQL.
Not here: proving that nobody dropped them (audit).
"""

from alembic import op


def append_only(table: str, what: str) -> None:
    """Refuse UPDATE, DELETE and TRUNCATE of ``table``; the refusal names ``what``."""
    if op.get_bind().dialect.name == "sqlite":
        for operation in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{operation.lower()} BEFORE {operation} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{what} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{what} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )


def removable_once_stubbed(table: str, what: str) -> None:
    """Let DELETE remove rows that a row of ``<table>_stub`` stands for, and those only; all else stays refused.

    Whoever adds a stub to get there leaves one without proof, which the audit finds.
    """
    stubbed = f"SELECT 1 FROM {table}_stub WHERE OLD.sequence BETWEEN first_sequence AND last_sequence"  # noqa: S608
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {table}_no_delete")
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT EXISTS ({stubbed}) "
            f"BEGIN SELECT RAISE(ABORT, '{what} is append-only'); END"
        )
        return
    op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
    op.execute(
        f"CREATE FUNCTION {table}_delete_stubbed_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF EXISTS ({stubbed}) THEN RETURN OLD; END IF; RAISE EXCEPTION '{what} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_delete_stubbed_only BEFORE DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_delete_stubbed_only()"
    )
