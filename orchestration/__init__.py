"""Dagster: when things run, in which order, and what a data engineer sees of it.

Here: assets, checks, partitions, schedules, sensors, resources.
Not here: decisions of any kind; every asset calls one room and reports what it said.
"""
