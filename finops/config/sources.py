"""What ``config/sources.yml`` may say: where facts come from.

Here: the file, and which types of source there are.
Not here: the settings of a type (bill_sources, usage_sources), landing (ingestion).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from finops.config.bill_sources import (
    AzureCostApiSource,
    AzureExportsSource,
    AzurePriceSheetSource,
    AzureRetailPricesSource,
    BillFilesSource,
    FocusFilesSource,
    GenaiPricesSource,
    SaasSubscriptionsSource,
)
from finops.config.usage_sources import (
    AnthropicSource,
    AzureMonitorSource,
    LitellmSource,
    MlflowSource,
    NvmlSamplesSource,
    OpenAiSource,
    OpencostSource,
    OtelSpansSource,
    OutcomesSource,
    PrometheusSource,
    TrainingRunsSource,
    UsageFilesSource,
)
from finops.config.values import Strict, require_unique

Source = Annotated[
    AzureExportsSource
    | AzureCostApiSource
    | FocusFilesSource
    | BillFilesSource
    | OtelSpansSource
    | LitellmSource
    | UsageFilesSource
    | AzureMonitorSource
    | AzurePriceSheetSource
    | AzureRetailPricesSource
    | GenaiPricesSource
    | OpenAiSource
    | AnthropicSource
    | PrometheusSource
    | NvmlSamplesSource
    | OpencostSource
    | MlflowSource
    | TrainingRunsSource
    | SaasSubscriptionsSource
    | OutcomesSource,
    Field(discriminator="type"),
]


class SourcesFile(Strict):
    """Where facts come from."""

    fiscal_year_first_month: int = Field(1, ge=1, le=12, description="7: the fiscal year starts on 1 July")
    sources: list[Source] = Field(description="One entry per place that facts come from")

    @model_validator(mode="after")
    def _unique(self) -> SourcesFile:
        require_unique("source", ((("sources", i, "id"), s.id) for i, s in enumerate(self.sources)))
        return self
