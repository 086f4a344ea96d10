"""Spend logs of a LiteLLM proxy."""
