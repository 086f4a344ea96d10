"""The bill as FOCUS files: writing them from the published marts, and checking any FOCUS file row by row.

Here: ``export_focus`` and ``check_focus``.
Not here: how bills become FOCUS rows (dbt), and what FOCUS demands (``finops.focus``).
"""

from reports.focus.check import FocusReport, check_focus
from reports.focus.export import FocusExport, FocusExportError, export_focus

__all__ = ["FocusExport", "FocusExportError", "FocusReport", "check_focus", "export_focus"]
