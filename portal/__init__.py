"""What is reached over HTTP beside Dagster.

Here: endpoints, and how they are served.
Not here: what they answer with (guardrails, reports).
"""
