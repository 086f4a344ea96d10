"""Asking an MLflow tracking server: experiments and runs.

Here: pages, retries, errors in words.
Not here: which runs (``source``) and what they mean (``rows``).
Source: MLflow's REST API 2.0, ``experiments/search`` and ``runs/search``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingestion.json_http import ATTEMPTS, JsonClient

_PAGE = 1000


class MlflowClient:
    """A tracking server, or anything that speaks its API (Databricks, Azure Machine Learning)."""

    def __init__(self, url: str, token: str | None = None, *, attempts: int = ATTEMPTS) -> None:
        self._http = JsonClient(url, token=token, attempts=attempts)

    def __enter__(self) -> MlflowClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def experiments(self) -> dict[str, str]:
        """Id → name of every experiment, deleted ones too: what they used was used.

        Raises:
            LandingError: the server cannot be reached or refuses.
        """
        found = self._pages("experiments", {"max_results": _PAGE, "view_type": "ALL"})
        return {str(experiment["experiment_id"]): str(experiment["name"]) for experiment in found}

    def runs(self, experiment_ids: list[str], *, start_ms: int, end_ms: int) -> Iterator[dict[str, Any]]:
        """Runs that started in a time, oldest first, deleted ones too.

        Raises:
            LandingError: the server cannot be reached or refuses.
        """
        yield from self._pages(
            "runs",
            {
                "experiment_ids": experiment_ids,
                "filter": f"attributes.start_time >= {start_ms} and attributes.start_time < {end_ms}",
                "run_view_type": "ALL",
                "max_results": _PAGE,
                "order_by": ["attributes.start_time ASC"],
            },
        )

    def _pages(self, what: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            document = self._http.post(
                f"/api/2.0/mlflow/{what}/search", {**body, "page_token": token} if token else body
            )
            yield from document.get(what) or []
            # The last page has no token, or an empty one; some servers repeat the token of an empty page for ever.
            following = document.get("next_page_token")
            if not following or following == token:
                return
            token = following
