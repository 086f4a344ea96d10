"""Training and pipeline runs as files or a table."""
