"""SaaS subscriptions as files or a table."""
