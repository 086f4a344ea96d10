"""What every page that opens from a file shares: one look, one behaviour, no request to any server.

Here: the document around a page (``document``), its styles and script, charts with their words (``chart``).
Not here: what pages say (``reports.dashboards``, ``reports.whatif``, ``reports.replay``), ``reports.figures``.
"""
