"""What ``config/exports.yml`` may say: where the marts go besides the home's own folder.

Here: destinations and which files they get.
Not here: writing the files (reports) and bringing them there (orchestration).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from finops.config.values import Identifier, Strict, require_unique


class Destination(Strict):
    """A folder or bucket that gets every public mart after each run."""

    id: Identifier = Field(description="Name of the destination in messages")
    url: str = Field(
        min_length=1,
        description="A folder, az://container@account.dfs.core.windows.net/path, s3://bucket/path or gs://bucket/path",
    )
    formats: list[Literal["csv", "parquet", "parquet_by_month", "xlsx"]] = Field(
        default=["csv", "parquet"],
        min_length=1,
        description="Which files go there: parquet_by_month are the large marts again, a file for each month, xlsx the "
        "workbooks of issued statements",
    )
    keep_versions: int = Field(
        3, ge=2, le=1000, description="Versions that stay, the current one included: whoever reads one may finish"
    )


class ExportsFile(Strict):
    """Where the marts go besides the home's own folder."""

    destinations: list[Destination] = Field(default=[], description="One entry per folder or bucket")

    @model_validator(mode="after")
    def _known(self) -> ExportsFile:
        require_unique("destination", ((("destinations", i, "id"), d.id) for i, d in enumerate(self.destinations)))
        return self
