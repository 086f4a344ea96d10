"""The models on a CSV of anybody's: ``python -m models.evaluate forecast|anomalies --input FILE.csv --out OUT.csv``.

Here: reading long CSV files, running the models that the assets run, writing what they say.
Not here: the models (forecast, anomaly), scores (benchmarks).
"""
