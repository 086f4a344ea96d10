"""The code location that Dagster loads (workspace.yaml, ``[tool.dg]`` in pyproject.toml)."""

from orchestration.build import build_defs

defs = build_defs()
