"""Plots of the tables in ``benchmarks/README.md``: ``python -m benchmarks.signals plots``.

Here: reading the committed tables, so that a plot never says what its table does not; drawing.
Not here: measuring (forecast, anomalies).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

README = Path(__file__).resolve().parents[1] / "README.md"
FOLDER = Path(__file__).resolve().parent / "plots"
F1_AIM = 0.70
# Okabe and Ito's colours, which people tell apart whatever their eyes.
DEVELOPMENT, APART, AIM = "#0072B2", "#D55E00", "#555555"

Rows = list[dict[str, str]]


def run(_options: argparse.Namespace) -> None:
    """Draw every plot into ``benchmarks/signals/plots``; the same tables give the same bytes."""
    FOLDER.mkdir(exist_ok=True)
    text = README.read_text(encoding="utf-8")
    look = {"svg.hashsalt": "benchmarks", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(look):
        _draw(text)


def _draw(text: str) -> None:
    for name, draw in (("forecast-error", _error), ("forecast-coverage", _coverage), ("anomaly-f1", _f1)):
        figure = draw(text)
        file = FOLDER / f"{name}.svg"
        figure.savefig(file, bbox_inches="tight", metadata={"Date": None, "Creator": None})
        plt.close(figure)
        print(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def _error(text: str) -> plt.Figure:
    rows = [(row, DEVELOPMENT) for row in table(text, "### Daily, 28 days ahead: development")]
    rows += [(row, APART) for row in table(text, "### Daily, 28 days ahead: kept apart")]
    rows.sort(key=lambda pair: float(pair[0]["ratio"]), reverse=True)
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for place, (row, colour) in enumerate(rows):
        axes.plot([float(row["ratio"]), 1], [place, place], color=colour, linewidth=1)
        axes.plot(float(row["ratio"]), place, "o", color=colour)
    axes.axvline(1, color=AIM, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(rows)), [row["series"] for row, _ in rows])
    axes.set_xlabel("error of the forecast ÷ error of last week repeated (MASE, 28 days ahead)")
    _legend(axes)
    return figure


def _coverage(text: str) -> plt.Figure:
    rows = table(text, "### All series")
    figure, axes = plt.subplots(figsize=(7, 2.8))
    for place, row in enumerate(rows):
        colour = DEVELOPMENT if row["half"] == "development" else APART
        for column, marker in (("80% covers", "o"), ("95% covers", "s")):
            axes.plot(float(row[column].rstrip("%")), place, marker, color=colour)
    for aimed in (80, 95):
        axes.axvline(aimed, color=AIM, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(rows)), [f"{row['series']}, {row['half']}" for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("share of days inside the interval, % (circles: 80% intervals, squares: 95%)")
    _legend(axes)
    return figure


def _f1(text: str) -> plt.Figure:
    rows = [row for row in table(text, "### One planted anomaly in a real series") if row["what"] != "all"]
    panels = sorted({(row["series"], row["measure"]) for row in rows})
    kinds = list(dict.fromkeys(row["what"] for row in rows))
    figure, grid = plt.subplots(1, len(panels), figsize=(2.1 * len(panels), 2.6), sharey=True)
    for axes, (series, measure) in zip(grid, panels, strict=True):
        for half, colour, shift in (("development", DEVELOPMENT, -0.2), ("kept apart", APART, 0.2)):
            found = {
                row["what"]: float(row["F1"])
                for row in rows
                if (row["series"], row["measure"], row["half"]) == (series, measure, half)
            }
            axes.bar([kinds.index(kind) + shift for kind in found], list(found.values()), 0.4, color=colour)
        axes.axhline(F1_AIM, color=AIM, linestyle="--", linewidth=1)
        axes.set_xticks(range(len(kinds)), kinds, rotation=60)
        axes.set_title(f"{series}\n{measure}", fontsize=9)
    grid[0].set_ylabel("F1 of segments")
    grid[0].set_ylim(0, 1)
    _legend(grid[-1])
    return figure


def _legend(axes: plt.Axes) -> None:
    handles = [plt.Line2D([], [], color=colour, marker="o", linestyle="") for colour in (DEVELOPMENT, APART)]
    axes.legend(handles, ["development", "kept apart"], frameon=False, fontsize=8, loc="best")


def table(text: str, heading: str) -> Rows:
    """The first Markdown table below a heading that begins so.

    Raises:
        LookupError: there is none.
    """
    start = text.find(heading)
    if start < 0:
        raise LookupError(f"{README.name} has no heading {heading!r}")
    lines: list[str] = []
    for line in text[start:].splitlines()[1:]:
        if line.startswith("|"):
            lines.append(line)
        elif lines or line.startswith("#"):
            break
    if len(lines) < 3:
        raise LookupError(f"{README.name} has no table below {heading!r}")
    head, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, cells, strict=True)) for cells in body]
