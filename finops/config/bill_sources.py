"""Sources of ``config/sources.yml`` that say what is billed and what things cost.

Here: bills, subscriptions and price lists, one model per type.
Not here: sources of usage (usage_sources), the file itself (sources), landing (ingestion).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from finops.config.source_base import FilesOrTableSource, SourceBase
from finops.config.values import Currency, form

DateFormat = Annotated[
    str,
    AfterValidator(
        form(
            r"(?=.*%d)(?=.*%m)(?=.*%[yY])(?!.*(%.).*\1)(%[dmyYHMS]|[^%])+",
            "not a format with day, month and year",
            "Write it like %m/%d/%y or %d.%m.%Y %H:%M:%S",
        )
    ),
]


class AzureExportsSource(SourceBase):
    """Azure Cost Management exports (FOCUS, actual cost, amortized cost), found through their manifests."""

    type: Literal["azure_exports"]
    url: str = Field(description="Folder or bucket with the exports: a path, or az://container/path")


class AzureCostApiSource(SourceBase):
    """Azure's bill through the Cost Management API, where no export exists."""

    type: Literal["azure_cost_api"]
    scopes: list[str] = Field(
        min_length=1,
        description="What to ask: /subscriptions/… or /providers/Microsoft.Billing/billingAccounts/… and below",
    )
    method: Literal["report", "query"] = Field(
        "report",
        description="report: every charge with its tags (EA and MCA); query: daily sums by resource and meter, for "
        "scopes that have no report",
    )
    months: int = Field(13, ge=1, le=13, description="Billing months to ask, the open one included")
    endpoint: str = Field("https://management.azure.com", description="Address of Azure Resource Manager")
    credential: Literal["default", "static"] = Field(
        "default", description="'static' reads a token from AIFINOPS_AZURE_TOKEN: for simulators and tests"
    )


class _FocusFileSettings(SourceBase):
    """How FOCUS files are read that leave out or write differently what FOCUS demands."""

    billing_currency: Currency | None = Field(None, description="For files or rows that do not say BillingCurrency")
    date_format: DateFormat | None = Field(
        None, description="Dates that are not ISO 8601: %m/%d/%y for 4/30/26, %d.%m.%Y %H:%M for 30.04.2026 12:00"
    )
    amount_style: Literal["1,234.56", "1.234,56"] | None = Field(
        None,
        description="How amounts with separators for thousands are written; a currency sign is allowed then. "
        "Without it, only 1234.56 is an amount",
    )


class FocusFilesSource(_FocusFileSettings):
    """FOCUS files of any producer: CSV, CSV.gz or Parquet; a file or a folder.

    The settings of currency, dates and amounts are for files that leave out or write differently what FOCUS demands;
    a row whose currency is from there says so in x_repairs.
    """

    type: Literal["focus_files"]
    url: str = Field(description="File or folder: a path, az://container/path, s3://bucket/path or gs://bucket/path")


class BillFilesSource(_FocusFileSettings):
    """Bills as files, known by their headers: FOCUS of any producer, Azure's actual and amortized cost.

    The settings of currency, dates and amounts are for FOCUS files that leave out or write differently what FOCUS
    demands.
    """

    type: Literal["bill_files"]
    url: str = Field(description="File or folder: a path, or az://container/path")
    dataset: Literal["auto", "ActualCost", "AmortizedCost"] = Field(
        "auto", description="Which dataset Azure cost files are of; auto: as their rows, else their names say"
    )


class AzurePriceSheetSource(SourceBase):
    """The negotiated price sheet of an enterprise agreement or a Microsoft Customer Agreement: CSV or JSON."""

    type: Literal["azure_price_sheet"]
    url: str = Field(description="File or folder: a path, or az://container/path")


class AzureRetailPricesSource(SourceBase):
    """Azure's public list prices: the Retail Prices API, or files with its answers."""

    type: Literal["azure_retail_prices"]
    url: str = Field(
        "https://prices.azure.com/api/retail/prices", description="Address of the API, or a file or folder of answers"
    )
    filter: str = Field(
        "serviceName eq 'Foundry Models' and priceType eq 'Consumption'",
        description="OData filter; for files it is not used",
    )
    currency: Currency = Field("USD", description="Currency to ask for")
    refresh_hours: int = Field(24, ge=1, description="Ask again when the newest answer is older than this")


class GenaiPricesSource(SourceBase):
    """List prices of model vendors from the installed package genai-prices: no network."""

    type: Literal["genai_prices"]


class SaasSubscriptionsSource(FilesOrTableSource):
    """SaaS subscriptions as files (CSV, YAML) or a table: seats, price and term become FOCUS rows."""

    type: Literal["saas_subscriptions"]
