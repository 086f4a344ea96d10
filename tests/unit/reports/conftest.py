"""Marts of the made-up organisation, for tests of what people look at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

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
