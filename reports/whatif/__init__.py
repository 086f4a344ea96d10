"""A what-if's answer as one page that opens from a file, in the design of the report.

Here: what the page shows, and its template.
Not here: answering (models), the design and inlining (``reports.page``), figures (``reports.figures``).
"""

from reports.whatif.page import render_what_if

__all__ = ["render_what_if"]
