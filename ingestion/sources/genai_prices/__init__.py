"""List prices of model vendors, from the package genai-prices."""
