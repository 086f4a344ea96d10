"""What ``config/currencies.yml`` may say: the reporting currency, and the rates that lead there.

Here: the file, with the checks inside it.
Not here: reading the CSV files that it names (rates), which rate a charge is converted with (dbt).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import Currency, DateOnly, Strict, require_unique

PositiveRate = Annotated[Decimal, Field(gt=0, lt=100_000_000, max_digits=20, decimal_places=12)]


class CurrencyRate(Strict):
    """What one unit of a currency was worth in the base currency of its rates from a day on."""

    currency: Currency = Field(description="The currency that is priced")
    date: DateOnly = Field(description="First day of the rate; it holds until a later one")
    rate: PositiveRate = Field(description="Units of the base currency for one unit of it")


class InlineRates(Strict):
    """Rates written here."""

    kind: Literal["inline"]
    base: Currency = Field(description="The currency that rates are in")
    source: str = Field(description="Where the rates were read; every converted amount names it")
    rates: list[CurrencyRate] = Field(min_length=1, description="Dated rates")

    @model_validator(mode="after")
    def _unique(self) -> InlineRates:
        require_unique(
            "rate", ((("rates", i), f"{rate.currency} from {rate.date}") for i, rate in enumerate(self.rates))
        )
        for i, rate in enumerate(self.rates):
            if rate.currency == self.base:
                raise SettingError("a currency is worth one of itself", "Remove the rate", ("rates", i, "currency"))
        return self


class FileRates(Strict):
    """Rates of a CSV file, such as the European Central Bank's eurofxref-hist.csv."""

    kind: Literal["ecb_csv"]
    path: str = Field(
        description="CSV file, beside this file or anywhere: a column Date, and one per currency with the units of it "
        "for one unit of the base currency"
    )
    base: Currency = Field("EUR", description="The currency that the file's columns are the price of")
    source: str = Field(description="Where the file is from; every converted amount names it")


class CurrenciesFile(Strict):
    """The currency that everything can be added up in, and the dated rates that lead there.

    A charge is converted with the latest rate on or before its day. Where there is none, its converted amount is
    unknown, never the amount itself.
    """

    reporting_currency: Currency = Field("USD", description="What reporting_billed_cost and the like are in")
    max_age_days: int = Field(
        10, ge=0, description="A rate older than this is none: markets close for days, not for weeks"
    )
    rates: list[Annotated[InlineRates | FileRates, Field(discriminator="kind")]] = Field(
        default=[], description="Where rates come from; where several have a pair and day, the first wins"
    )
