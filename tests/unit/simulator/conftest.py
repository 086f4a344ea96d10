"""One small organisation for all tests of the simulator: 60 days at a tenth of the money."""

from __future__ import annotations

import pytest

import simulator
from tests.support.simulator_files import Generated


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return Generated(simulator.generate(tmp_path_factory.mktemp("simulator") / "made", scale=0.1, days=60))
