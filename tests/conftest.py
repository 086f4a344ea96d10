"""What every test shares.

Here: fixtures and settings that any room's tests may need.
Not here: builders of one room's data (tests/support).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT_DIR = Path(__file__).resolve().parent.parent

# Derandomised: a run that fails here fails the same way everywhere. No deadline: the machine may be busy.
settings.register_profile("ci", derandomize=True, max_examples=60, deadline=None, database=None)
settings.load_profile("ci")

_KEPT_VARIABLES = {"AIFINOPS_REAL_DATA", "AIFINOPS_AZURITE", "AIFINOPS_FOCUS_RULES"}


@pytest.fixture(scope="session", autouse=True)
def isolated_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads the developer's variables, home folder or credentials, or writes into the checkout's data."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("AIFINOPS_", "AZURE_", "DBT_", "DAGSTER_HOME")) and name not in _KEPT_VARIABLES:
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("AIFINOPS_HOME", str(home / "aifinops"))
        patch.setenv("AIFINOPS_DASHBOARDS", "company")  # those of teams and apps take half a minute a run
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        yield


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """The checkout."""
    return PROJECT_DIR


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real bills, usage and traces, which are not part of the project."""
    named = os.environ.get("AIFINOPS_REAL_DATA")
    folder = Path(named) if named else PROJECT_DIR.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist; set AIFINOPS_REAL_DATA to the folder that has them")
    return folder


@pytest.fixture(scope="session")
def published_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every public mart of a made-up organisation over 400 days, published (tests.support.published)."""
    # Imported here: most tests need no frames, and those libraries take a second to load.
    from tests.support.published import publish_organisation

    return publish_organisation(tmp_path_factory.mktemp("organisation") / "published")


@pytest.fixture(scope="session")
def sent_folder(tmp_path_factory: pytest.TempPathFactory, published_folder: Path) -> Path:
    """Digests and packs of that organisation as they were sent (tests.support.sent_documents); copy it."""
    from tests.support.sent_documents import write_documents

    return write_documents(tmp_path_factory.mktemp("sent"), published_folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A requirement ID is text: ``ids(ING_1)`` or ``ids()`` would prove nothing."""
    for item in items:
        for mark in item.iter_markers("ids"):
            if not mark.args or not all(isinstance(name, str) for name in mark.args):
                raise pytest.UsageError(f'{item.nodeid}: write requirement IDs as text: pytest.mark.ids("ING-1")')
