"""Asking the tracking server."""

from __future__ import annotations

from collections.abc import Iterator

from finops.config.usage_sources import MlflowSource
from ingestion.bearer import bearer_token
from ingestion.errors import LandingError
from ingestion.json_http import DeniedError
from ingestion.probe import Finding, ProbeContext
from ingestion.sources.mlflow.client import MlflowClient


def probe(source: MlflowSource, context: ProbeContext) -> Iterator[Finding]:
    """Reachable: it lists experiments. Permitted: MLflow does not tell what a token may do."""
    try:
        with MlflowClient(source.url, bearer_token(source.token_env, context.environ), attempts=1) as client:
            experiments = client.experiments()
    except DeniedError as error:
        yield Finding("reachable", "ok", f"{source.url} answers")
        yield Finding("permitted", "failed", str(error), "Use a token that may read experiments and runs")
        return
    except LandingError as error:
        yield Finding("reachable", "failed", str(error), "Check the url, and the network between here and the server")
        return
    yield Finding("reachable", "ok", f"{len(experiments)} experiments")
    missing = set(source.experiments) - set(experiments.values())
    if missing:
        message = f"no experiment {', '.join(map(repr, sorted(missing)))}"
        yield Finding("complete", "failed", message, "Correct experiments in sources.yml")
    remedy = "Give the token's user READ on the experiments, and nothing else"
    yield Finding(
        "permitted", "unknown", "experiments can be read; MLflow does not say what else the token may", remedy
    )
