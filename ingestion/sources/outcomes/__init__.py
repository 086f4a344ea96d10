"""Business outcomes as CSV."""
