"""Configuration: the YAML files of ``config/``, validated, with errors that say file, line and remedy.

Here: the models, the loader, the tables that dbt reads.
Not here: what the settings do (dbt, guardrails, ingestion).
"""

from finops.config.load import (
    ConfigError,
    ConfigProblem,
    Configuration,
    load_configuration,
    load_mapping,
    load_scenarios,
    resolve_variables,
)

__all__ = [
    "ConfigError",
    "ConfigProblem",
    "Configuration",
    "load_configuration",
    "load_mapping",
    "load_scenarios",
    "resolve_variables",
]
