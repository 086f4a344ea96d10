"""What holds of incidents whatever is found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.findings import BILL, TEAM_OF_APP, USAGE, finding, grouped, history, morning, on

SCOPES = [*(f"app:{app}" for app in TEAM_OF_APP), "team:robotics", "team:support", "company:all", "model:m"]
LAST = 24
COSTS = history(on(LAST + 5))


@st.composite
def found(draw: st.DrawFn) -> dict[str, Any]:
    apps = draw(st.lists(st.sampled_from(sorted(TEAM_OF_APP)), max_size=2, unique=True))
    impact = draw(st.sampled_from([-80, -40, 40, 120, 700, 5000]))
    return finding(
        on(draw(st.integers(1, LAST))),
        draw(st.sampled_from(SCOPES)),
        100 + impact,
        metric=draw(st.sampled_from([BILL, USAGE])),
        parts={("app", app): impact * draw(st.sampled_from([0.2, 0.4, 0.9])) for app in apps},
    )


FINDINGS = st.lists(found(), max_size=14, unique_by=lambda row: row["anomaly_id"])


def memberships(incidents: Any) -> dict[str, str]:
    table = incidents.incident_anomaly
    return dict(zip(table["anomaly_id"], table["incident_id"], strict=True))


@pytest.mark.ids("ANOM-3")
@given(FINDINGS)
def test_every_finding_is_in_exactly_one_incident(findings: list[dict[str, Any]]) -> None:
    found = grouped(findings, morning(LAST + 1), costs=COSTS)
    assert sorted(found.incident_anomaly["anomaly_id"]) == sorted(row["anomaly_id"] for row in findings)
    assert found.incident["incident_id"].is_unique
    assert set(found.incident["incident_id"]) == set(found.incident_anomaly["incident_id"])
    assert found.incident["anomaly_count"].sum() == len(findings)


@pytest.mark.ids("ANOM-3")
@given(FINDINGS, st.integers(1, LAST))
def test_what_comes_later_moves_no_earlier_finding(findings: list[dict[str, Any]], day: int) -> None:
    early = [row for row in findings if row["detected_date"] <= on(day)]
    then = grouped(early, morning(day + 1), costs=COSTS)
    now = grouped(findings, morning(LAST + 1), costs=COSTS)
    kept = grouped(findings, morning(LAST + 1), costs=COSTS, state=then)
    assert memberships(then).items() <= memberships(now).items()
    assert memberships(kept) == memberships(now), "with what was known or without"
    opened = then.incident.set_index("incident_id")["opened_at"]
    assert kept.incident.set_index("incident_id")["opened_at"].loc[opened.index].equals(opened)


@pytest.mark.ids("ANOM-3")
@given(FINDINGS, st.lists(st.floats(0.97, 1.03), min_size=14, max_size=14))
def test_a_bill_that_is_restated_by_a_little_opens_nothing(
    findings: list[dict[str, Any]], factors: list[float]
) -> None:
    then = grouped(findings, morning(LAST + 1), costs=COSTS)
    restated = [
        finding(
            row["detected_date"], f"{row['scope_type']}:{row['scope_value']}", round(float(row["actual"]) * factor, 6),
            metric=row["metric"],
        )
        for row, factor in zip(findings, factors, strict=False)
    ]  # fmt: skip
    now = grouped(restated, morning(LAST + 1) + timedelta(hours=6), costs=COSTS, state=then)
    assert memberships(now) == memberships(then)
    assert list(now.incident["opened_at"]) == list(then.incident["opened_at"])
