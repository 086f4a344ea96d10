"""What several pages say: each module answers one question, of the company, of a team or of an app.

Here: tiles, charts and tables of one subject, and the SQL behind them.
Not here: which of them a page shows, and in what order (``pages``).
"""
