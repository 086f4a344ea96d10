"""Azure's actual and amortised cost files as delivered, under one spelling for all agreements and versions.

Here: telling such a file from others, which of the two datasets it is of, turning it into Parquet for
``azure_cost__detail``; shared by the sources that land them.
Not here: which files belong together (the sources) and making one bill of both datasets (dbt).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from finops import azure_cost, focus
from finops import lake as contract
from finops.azure_cost import Dataset
from ingestion.errors import LandingError, MissingColumnsError
from ingestion.files import StoredFile
from ingestion.focus_rows import Dialect, FocusPart, convert
from ingestion.lake import LakeWriter
from ingestion.privacy import hash_sql
from ingestion.tabular import identifier, literal, require_distinct

TABLE = contract.AZURE_COST_DETAIL.name
_LINEAGE = ("x_file", "x_row", "x_dataset")
_PERSONAL = ("AccountOwnerId",)
_TYPED = frozenset(
    (
        "BillingPeriodEndDate",
        "BillingPeriodStartDate",
        "CostInBillingCurrency",
        "CostInPricingCurrency",
        "CostInUsd",
        "Date",
        "EffectivePrice",
        "Quantity",
        "UnitPrice",
    )
)


def is_azure_cost(headers: Sequence[str]) -> bool:
    return focus.guess_version(headers) is None and not azure_cost.missing_columns(headers)


def lake_names(headers: Sequence[str], address: str) -> list[str]:
    """The lake's names of a file's columns.

    Raises:
        LandingError: two columns have one name.
    """
    names = azure_cost.canonical_headers(headers)
    names = [f"{name}_delivered" if name.lower() in _LINEAGE else name for name in names]
    names = [name or f"column_{number}" for number, name in enumerate(names, 1)]
    require_distinct(names, address)
    return names


def require_azure_cost(headers: Sequence[str], address: str) -> str:
    """Which agreement's columns a header has: ``EA`` or ``MCA``.

    Raises:
        LandingError: it is no header of cost details; says which columns are missing.
    """
    missing = azure_cost.missing_columns(headers)
    if missing:
        raise MissingColumnsError(
            f"{address} has no Azure cost details, because it lacks {' and '.join(missing)}. Export actual or "
            "amortized costs, or land it with another type of source",
            missing,
        )
    return azure_cost.guess_agreement(headers)


def convert_cost(
    connection: duckdb.DuckDBPyConnection,
    writer: LakeWriter,
    file: StoredFile,
    dataset: Dataset,
    *,
    shown_as: str | None = None,
) -> FocusPart:
    """Read one file of cost details. Whoever owns an enrollment account is an e-mail address there, and is hashed.

    Raises:
        LandingError: the file is of another kind, or cannot be read at all.
    """
    dialect = Dialect(
        contract.AZURE_COST_DETAIL,
        lake_names,
        require_azure_cost,
        typed=_TYPED,
        changed={name: hash_sql(f"nullif({identifier(name)}, '')") for name in _PERSONAL},
        added={"x_dataset": literal(dataset)},
    )
    return convert(connection, writer, file, dialect, shown_as=shown_as)


def dataset_of_rows(connection: duckdb.DuckDBPyConnection, part: FocusPart, address: str) -> Dataset | None:
    """The dataset that converted rows can only be of, or None where they fit both, as they do without commitments.

    Only the actual dataset has purchases of commitments, only the amortised one their unused part and usage that costs
    its share.

    Raises:
        LandingError: rows of both are in one file.
    """
    if part.part is None:
        return None
    relation = f"read_parquet({literal(str(part.part.path))})"
    columns = {name for name, *_ in connection.execute(f"describe select * from {relation}").fetchall()}

    def text(name: str) -> str:
        return f"lower(trim({identifier(name)}))" if name in columns else "null"

    pricing = f"replace({text('PricingModel')}, ' ', '')"
    belongs = f"coalesce(nullif({text('ReservationId')}, ''), nullif({text('BenefitId')}, '')) is not null"
    committed = f"coalesce({pricing} in ('reservation', 'savingsplan'), {belongs})"
    charge = text("ChargeType")
    cost = "try_cast(CostInBillingCurrency as decimal(38, 12))"
    row = connection.execute(
        f"""select
                bool_or({charge} in ('purchase', 'refund') and {committed}),
                bool_or({charge} like 'unused%' or ({charge} = 'usage' and {committed} and {cost} <> 0))
            from {relation}"""
    ).fetchone()
    is_actual, is_amortized = row or (False, False)
    if is_actual and is_amortized:
        raise LandingError(
            f"{address} has rows of the actual and of the amortized dataset, so charges would count twice. Deliver "
            "each dataset as a file of its own"
        )
    if is_actual or is_amortized:
        return "ActualCost" if is_actual else "AmortizedCost"
    return None
