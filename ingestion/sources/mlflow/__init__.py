"""Training and pipeline runs of an MLflow tracking server."""
