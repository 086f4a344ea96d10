"""What the commands say when something is wrong, and how quickly they start."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.markup import render
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import app

runner = CliRunner()


@pytest.mark.ids("GUARD-1")
def test_config_check_counts_what_it_read() -> None:
    done = runner.invoke(app, ["config", "check"])
    assert done.exit_code == 0, done.output
    assert "policies" in done.output


@pytest.mark.ids("GUARD-1")
def test_config_check_names_file_line_and_remedy(tmp_path: Path) -> None:
    from finops.paths import PROJECT_DIR

    for file in (PROJECT_DIR / "config").glob("*.yml"):
        (tmp_path / file.name).write_text(file.read_text())
    budgets = (tmp_path / "budgets.yml").read_text().replace("amount:", "ammount:", 1)
    (tmp_path / "budgets.yml").write_text(budgets)
    line = next(n for n, text in enumerate(budgets.splitlines(), 1) if "ammount" in text)
    done = runner.invoke(app, ["config", "check", "--config", str(tmp_path)])
    assert done.exit_code == 1
    assert f"budgets.yml:{line}" in done.output
    assert "'amount'" in done.output


def test_usage_without_a_mapping_says_what_to_add(tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("a,b\n")
    done = runner.invoke(app, ["run", "--usage", str(file)])
    assert done.exit_code == 1
    assert "--mapping" in done.output


def test_help_shows_every_word_that_was_written_for_it() -> None:
    """Square brackets in a help text are markup, and vanish: a default is said with show_default."""

    def texts(command: Any, path: str) -> Iterator[tuple[str, str]]:
        yield path, command.help or ""
        for parameter in command.params:
            yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
        for name, inner in getattr(command, "commands", {}).items():
            yield from texts(inner, f"{path} {name}")

    found = dict(texts(get_command(app), "aifinops"))
    assert len(found) > 300
    assert {where: text for where, text in found.items() if render(text).plain != text} == {}


def test_help_does_not_load_the_pipeline() -> None:
    """A gate call must be quick: Dagster alone takes seconds to import."""
    heavy = {"dagster", "dlt", "pandas", "prophet", "plotly"}
    code = f"import sys, cli.main; print(sorted({{m.split('.')[0] for m in sys.modules}} & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.ids("OPS-1")
def test_the_dagster_ui_starts_where_nothing_shadows_our_packages(tmp_path: Path) -> None:
    """Dagster puts its working directory first on the import path, and a home has folders such as reports/."""
    from cli.dev import working_directory
    from finops.paths import PROJECT_DIR, Home
    from orchestration.run import instance_of

    home = Home(tmp_path)
    for folder in (home.reports, home.simulator, home.lake):
        folder.mkdir()
    with instance_of(home):
        pass
    packages = {path.parent.name for path in PROJECT_DIR.glob("*/__init__.py")}
    assert {"reports", "simulator"} <= packages
    found = {path.name for path in working_directory(home).iterdir()}
    assert "dagster.yaml" in found
    assert found & packages == set()
