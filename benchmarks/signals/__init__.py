"""How good forecasts and anomaly detection are, measured from outside: ``python -m benchmarks.signals``.

Here: real series, rivals, scores, tables.
Not here: the models; pass or fail (tests do that).
"""
