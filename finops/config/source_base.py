"""What the sources of ``config/sources.yml`` have in common.

Here: the settings of every source, and of those that read files or a table.
Not here: any type of source (bill_sources, usage_sources).
"""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import EnvironmentName, Identifier, Strict


class SourceBase(Strict):
    id: Identifier = Field(description="Name of the source in the lake; keep it for ever")
    enabled: bool = Field(True, description="false: neither landed nor checked for its variables")
    freshness_hours: int | None = Field(
        None, ge=1, description="Newest data older than this is late; a default per type where absent"
    )
    expected_from: date | None = Field(
        None, description="First day that must be there; where absent, the first day that was landed"
    )


class FilesOrTableSource(SourceBase):
    """Records as files, or as a table of a database."""

    url: str | None = Field(None, description="File or folder: a path, or az://container/path")
    connection_env: EnvironmentName | None = Field(
        None, description="Instead of url: variable with the database's SQLAlchemy address, such as postgresql://…"
    )
    table: str | None = Field(None, description="Table or view to read, such as finance.subscriptions")
    columns: dict[str, str] = Field(default={}, description="Meaning → name of the column that has it; else its own")

    @model_validator(mode="after")
    def _one_place(self) -> FilesOrTableSource:
        if (self.url is None) == (self.connection_env is None):
            raise SettingError("give either url or connection_env", "Keep url for files, connection_env for a table")
        if (self.connection_env is None) != (self.table is None):
            raise SettingError("connection_env and table belong together", "Give both, or neither")
        return self
