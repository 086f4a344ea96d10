"""What ``config/anomalies.yml`` may say: from which size on a deviation is worth someone's attention.

Here: the file, with the checks inside it.
Not here: detecting (models).
"""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import PositiveMoney, Ratio, Scope, Strict


class AnomalyFloor(Strict):
    """What an anomaly of one scope must reach before anyone hears of it; it counts as suppressed below."""

    scope: Scope = Field(description="Whose anomalies; a team's floor covers its apps")
    minimum_impact: PositiveMoney | None = Field(None, description="Money a day, in the scope's currency")
    minimum_ratio: Ratio | None = Field(None, description="Deviation as a share of what was expected")
    minimum_duration_days: int = Field(1, ge=1, le=28, description="Days that an incident must have")
    reason: str = Field(description="Why, and who agreed")


class AnomaliesFile(Strict):
    """From which size on a deviation is worth someone's attention."""

    minimum_impact: PositiveMoney = Field(Decimal(25), description="Money a day, in the scope's currency")
    minimum_ratio: Ratio = Field(Decimal("0.3"), description="Deviation as a share of what was expected")
    minimum_duration_days: int = Field(1, ge=1, le=28, description="Days that an incident must have")
    quiet_days: int = Field(3, ge=1, le=28, description="Days without a finding after which an incident is closed")
    floors: list[AnomalyFloor] = Field(
        default=[], description="Higher floors of single scopes; of several for one scope each must be reached"
    )

    @model_validator(mode="after")
    def _not_lower(self) -> AnomaliesFile:
        for i, floor in enumerate(self.floors):
            for name in ("minimum_impact", "minimum_ratio", "minimum_duration_days"):
                own, least = getattr(floor, name), getattr(self, name)
                if own is not None and own < least:
                    raise SettingError(
                        f"{own} is below the {name} of all scopes, {least}",
                        "Lower that of all scopes, or remove this one",
                        ("floors", i, name),
                    )
        return self
