"""Every type of source: landed twice, it is there once; killed anywhere, the next landing ends with the same lake.

A type that is added to ``finops.config.sources.Source`` fails here until ``tests.support.every_source`` has one.

Each source is killed twice in a test run. To kill each 50 times, which takes about half an hour on two cores:

    AIFINOPS_KILLS=50 python -m pytest tests/integration/test_every_source.py -k killed -rP
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import ingestion
from finops.paths import Home
from simulator.postgres import programs
from tests.support.every_source import (
    SETTINGS,
    Lander,
    Organisation,
    content,
    moments,
    small_organisation,
    source_types,
)
from tests.support.landed import complete_loads, query

KILLS = int(os.environ.get("AIFINOPS_KILLS", "2"))
KILLS_PER_HOME = 2  # what a killed landing left behind is killed once more

pytestmark = [pytest.mark.ids("ING-10"), pytest.mark.xdist_group("every-source")]


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Organisation]:
    folder = tmp_path_factory.mktemp("every-source")
    with small_organisation(folder) as organisation:
        Lander(organisation, "outcomes").finish(Home(folder / "first"))  # starts what others are forked from
        yield organisation


@pytest.fixture(params=source_types())
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "litellm" and programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return str(request.param)


def test_no_type_of_source_is_forgotten() -> None:
    assert sorted(SETTINGS) == sorted(source_types())


def test_landed_twice_it_is_there_once(kind: str, organisation: Organisation, tmp_path: Path) -> None:
    home, source = Home(tmp_path / "home"), organisation.source(kind)
    first = ingestion.land(source, home, as_of=organisation.as_of, environ=organisation.environ)
    assert first.snapshots or first.windows
    assert sum(first.rows.values()), "nothing was landed, so nothing was tested"
    landed, loads = content(home), complete_loads(home)

    again = ingestion.land(source, home, as_of=organisation.as_of, environ=organisation.environ)

    assert (again.snapshots, again.windows, again.rejected, sum(again.rows.values())) == (0, 0, 0, 0)
    assert sorted(complete_loads(home)) == sorted(loads)
    assert content(home) == landed
    refused = query(home, "landing__rejected", "select x_file, x_row, reason, remedy, raw_row from rows")
    assert len(refused) == first.rejected
    assert all(file and row and reason and remedy and raw for file, row, reason, remedy, raw in refused)


@pytest.mark.long
def test_killed_anywhere_the_next_landing_ends_with_the_same_lake(
    kind: str, organisation: Organisation, tmp_path: Path
) -> None:
    lander = Lander(organisation, kind)
    whole = Home(tmp_path / "whole")
    seconds = lander.finish(whole)
    expected = content(whole)
    met = 0
    home = Home(tmp_path / "killed")
    for number, share in enumerate(moments(kind, KILLS), start=1):
        if home.path.exists():
            met += lander.kill(home, share * seconds)
        else:
            met += lander.interrupt(home, share * seconds)
        assert content(home).is_part_of(expected), f"kill {number}: readers saw something else"
        if number % KILLS_PER_HOME == 0 or number == KILLS:
            lander.finish(home)
            assert content(home) == expected, f"kill {number}"
            shutil.rmtree(home.path)
    print(f"{kind}: {met} of {KILLS} kills met a landing of {seconds:.2f} s")  # noqa: T201 - the long run's figure
