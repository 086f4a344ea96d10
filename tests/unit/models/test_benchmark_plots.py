"""Plots in the benchmarks' README: drawn from its tables, and committed as drawn."""

import argparse
from pathlib import Path

import pytest

from benchmarks.signals import plots

pytestmark = pytest.mark.ids("FCST-1", "ANOM-4")


def test_committed_plots_are_what_the_tables_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = {file.name: file.read_bytes() for file in plots.FOLDER.glob("*.svg")}
    monkeypatch.setattr(plots, "FOLDER", tmp_path)
    plots.run(argparse.Namespace())
    drawn = {file.name: file.read_bytes() for file in tmp_path.glob("*.svg")}
    assert drawn == committed, "run `python -m benchmarks.signals plots` and commit what it draws"
    readme = plots.README.read_text(encoding="utf-8")
    assert all(f"signals/plots/{name}" in readme for name in drawn)


def test_a_table_that_is_missing_is_named() -> None:
    with pytest.raises(LookupError, match="no heading '### Nowhere'"):
        plots.table("# Benchmarks\n", "### Nowhere")
