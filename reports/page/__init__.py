"""One self-contained HTML page: opens from a file, works offline, asks nothing of any server.

Here: choosing what each chart shows (``view``), the template, styles and behaviour (``page.html``, ``.css``, ``.js``).
Not here: figures (``reports.figures``) and numbers (``reports.measures``).
"""

from reports.page.document import write_page
from reports.page.render import render_page

__all__ = ["render_page", "write_page"]
