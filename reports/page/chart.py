"""A chart on a page: its figure, and the words around it."""

from __future__ import annotations

from dataclasses import dataclass

from reports.figures.traces import Figure


@dataclass(frozen=True)
class Chart:
    """``figure`` is None when there is nothing to draw; ``empty`` says why. ``label`` is for screen readers."""

    key: str
    title: str
    caption: str
    label: str
    figure: Figure | None
    empty: str

    @property
    def height(self) -> int:
        """Pixels that the figure is high; 0 where there is none."""
        return 0 if self.figure is None else self.figure["layout"]["height"]
