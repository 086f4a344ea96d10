"""What ``config/reconciliation.yml`` may say: how estimates become bills, and when a month is closed.

Here: the file, with the checks inside it.
Not here: reconciling and calibrating (dbt).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import Money, Ratio, Strict


class CalibrationSettings(Strict):
    """How the newest estimates are corrected by what earlier ones turned out to cost: billed ÷ estimated."""

    trailing_days: int = Field(28, ge=1, le=366, description="Newest billed days that are looked at")
    min_days: int = Field(7, ge=1, le=366, description="With fewer billed days the factor is 1")
    lowest: Ratio = Field(Decimal("0.5"), description="No factor is lower")
    highest: Ratio = Field(Decimal(2), description="No factor is higher")

    @model_validator(mode="after")
    def _ordered(self) -> CalibrationSettings:
        if self.lowest > self.highest:
            raise SettingError("lowest is above highest", "Swap the two", ("lowest",))
        if self.min_days > self.trailing_days:
            raise SettingError("min_days is above trailing_days", "Lower it to trailing_days or less", ("min_days",))
        return self


class ReconciliationFile(Strict):
    """How estimates become bills, and when a month is closed."""

    tolerance_ratio: Annotated[Decimal, Field(ge=0, le=1)] = Field(
        Decimal("0.02"), description="An estimate may differ from the bill by this share of the estimate"
    )
    min_amount: Money = Field(Decimal(1), description="Smaller differences never count, in the bill's currency")
    settle_days: int = Field(
        2, ge=0, le=31, description="How far the bill must have moved on before a day that it leaves out counts as free"
    )
    calibration: CalibrationSettings = Field(
        default_factory=lambda: CalibrationSettings.model_validate({}),
        description="Correction of estimates that no bill has replaced yet",
    )
    close_after_days: int = Field(
        5, ge=0, le=90, description="A month is closed this many days after its end, at 00:00 UTC"
    )
    close_after_days_by_provider: dict[str, Annotated[int, Field(ge=0, le=90)]] = Field(
        default={}, description="Provider, as the bill names it → days, where it differs"
    )
