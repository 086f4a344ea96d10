"""A user's own table of model usage."""
