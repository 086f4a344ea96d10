"""Dashboards: pages for executives, finance, on-call, teams, engineers, made from published marts.

Here: what pages say (``pages``), who may see which rows (``access``), how they look (``render``), a site of files
(``site``).
Not here: any statistic, decision or allocation: they are in the marts already.
"""
