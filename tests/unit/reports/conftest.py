"""Marts of the made-up organisation, for tests of what people look at."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

import reports.figures
from reports.figures.traces import Figure, Trace
from reports.summary import Summary, summarise
from tests.support import mart_factory


@pytest.fixture(scope="session")
def marts() -> dict[str, pd.DataFrame]:
    return mart_factory.build_marts()


@pytest.fixture(scope="session")
def published(marts: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mart_factory.publish(marts, tmp_path_factory.mktemp("home") / "published")


@pytest.fixture(scope="session")
def summary(marts: dict[str, pd.DataFrame]) -> Summary:
    return summarise(marts, as_of=mart_factory.AS_OF)


@pytest.fixture(scope="session", autouse=True)
def figures_as_plotly_knows_them() -> Iterator[None]:
    """Every figure that a test draws is put to Plotly's schema: a property or a value that it does not know fails."""

    def checked(traces: list[Trace], layout: dict[str, Any]) -> Figure:
        drawn = Figure(data=traces, layout=layout)
        go.Figure(drawn)
        return drawn

    with pytest.MonkeyPatch.context() as patched:
        for module in pkgutil.iter_modules(reports.figures.__path__, f"{reports.figures.__name__}."):
            patched.setattr(importlib.import_module(module.name), "figure", checked, raising=False)
        yield
