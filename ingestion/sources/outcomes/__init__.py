"""Business outcomes as CSV files or a table."""
