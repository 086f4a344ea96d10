"""Run by Alembic: takes the steps on the connection that the ledger has open, inside its transaction."""

from alembic import context

from guardrails.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
