"""Shapes: the committed parameters are what the tool fits, and draws follow them."""

from __future__ import annotations

import runpy
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from simulator import shapes
from simulator.randomness import stable_uuid, stream

MONDAY = date(2026, 9, 7)


@pytest.mark.ids("UNIT-2")
def test_committed_parameters_are_what_the_traces_give(real_data: Path, project_dir: Path) -> None:
    tool = runpy.run_path(str(project_dir / "tools" / "fit_simulator_shapes.py"))
    assert tool["fit"](real_data) == shapes.parameters()


@pytest.mark.ids("ANOM-1")
@pytest.mark.parametrize("profile", ["steady", "office"])
def test_a_week_of_rates_has_mean_one_and_quiet_weekends(profile: str) -> None:
    week = np.array([shapes.day_rates(profile, MONDAY + timedelta(days=day)) for day in range(7)])
    assert week.shape == (7, 24)
    assert week.mean() == pytest.approx(1, abs=1e-4)
    assert week[5:].mean() < week[:5].mean()


@pytest.mark.ids("UNIT-2")
def test_token_lengths_follow_the_traces_quantiles() -> None:
    lengths = shapes.token_lengths(stream(1, "test"), "conversation", "input", 10_000, 20_000, 1_000_000)
    quantiles = shapes.parameters()["tokens"]["conversation"]["input"]["relative_quantiles"]
    at = shapes.parameters()["token_quantiles_at"]
    for share, expected in list(zip(at, quantiles, strict=True))[1:-1]:
        assert np.quantile(lengths, share) == pytest.approx(10_000 * expected, rel=0.1)


@pytest.mark.ids("UNIT-2")
def test_a_few_customers_make_most_calls() -> None:
    weights = shapes.client_weights(60)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.3
    assert weights[:6].sum() > 0.7


@pytest.mark.ids("ING-5")
def test_pools_are_as_busy_as_their_traces() -> None:
    wanted = {
        pool: float(shapes.pool_allocation(stream(1, pool), pool, MONDAY, 90).mean())
        for pool in ("busy", "shared", "bursty", "idle")
    }
    assert wanted["busy"] > wanted["shared"] > wanted["bursty"] > wanted["idle"]
    assert wanted["idle"] < 0.05
    assert wanted["shared"] == pytest.approx(shapes.parameters()["gpu_pools"]["shared"]["mean_allocation"], abs=0.08)


@pytest.mark.ids("OPS-1")
def test_streams_depend_on_names_only() -> None:
    first, again, other = (stream(7, *names).random(5).tolist() for names in (("a", 1), ("a", 1), ("a", 2)))
    assert first == again != other
    assert stable_uuid("a") == stable_uuid("a") != stable_uuid("b")
