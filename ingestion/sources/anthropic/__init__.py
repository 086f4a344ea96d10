"""Usage and billed costs of an Anthropic organisation."""
