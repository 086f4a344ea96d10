"""Figures: small tidy frames in, Plotly figures out.

Here: how a chart looks. Every function is pure; money becomes floating point here and nowhere before.
Not here: choosing and summing rows (``page.view``), and colours as such: a colour is a design token like
``var(--s1)``, which the page resolves for its light and its dark theme.
"""
