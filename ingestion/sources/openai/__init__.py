"""Usage and billed costs of an OpenAI organisation."""
