"""The page that ``aifinops whatif`` writes of an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from models.whatif.result import FORMAT
from tests.support.mart_factory import what_if_answer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one answer, as ``whatif run`` keeps it."""
    folder = tmp_path / "home" / "whatif"
    folder.mkdir(parents=True)
    text = json.dumps({"format": FORMAT, **what_if_answer()}, default=str)
    (folder / "search-growth.2026-10-20.json").write_text(text, encoding="utf-8")
    return tmp_path / "home"


@pytest.mark.ids("FCST-1", "BI-1")
def test_an_answer_is_shown_again_as_a_page(home: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "answer.html"
    result = CliRunner().invoke(app, ["whatif", "show", "search-growth", "--home", str(home), "--html", str(page)])
    assert result.exit_code == 0, result.output
    assert "Page written to" in result.output
    text = page.read_text(encoding="utf-8").replace("\xa0", " ")
    assert "It is expected to save USD 2,104" in text
    assert "Plotly.react" in text


@pytest.mark.ids("FCST-1")
def test_a_place_that_cannot_be_written_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    page = tmp_path / "file" / "answer.html"
    result = CliRunner().invoke(app, ["whatif", "show", "search-growth", "--home", str(home), "--html", str(page)])
    assert result.exit_code == 1
    assert "cannot be written" in result.output
    assert "name another file" in result.output
