"""A Power BI project made from the contracts of the marts: semantic model (TMDL) and report (PBIR).

Here: the star over the exports, measures, roles, pages, and writing them as a project that Power BI Desktop opens.
Not here: the exports themselves (``reports.exports``) and what marts mean (their contracts).
"""

from __future__ import annotations

from reports.powerbi.figures import ControlFigure, FiguresError, control_figures
from reports.powerbi.project import PowerBiError, WrittenProject, write_project
from reports.powerbi.queries import RootError, parse_root
from reports.powerbi.tmdl import ContractError

__all__ = [
    "ContractError",
    "ControlFigure",
    "FiguresError",
    "PowerBiError",
    "RootError",
    "WrittenProject",
    "control_figures",
    "parse_root",
    "write_project",
]
