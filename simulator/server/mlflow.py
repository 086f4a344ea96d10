"""MLflow's REST API over the organisation's training runs: ``experiments/search`` and ``runs/search``.

Here: filters on start times, pages, MLflow's own errors.
Not here: the runs (``simulator.training``), and anything that writes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from simulator.randomness import stable_int
from simulator.training import Run

_MOST_RUNS = 50_000
_CONDITION = re.compile(r"^(?:attributes?\.)?(start_time|end_time)\s*(>=|<=|>|<|=)\s*(\d+)$")


class MlflowError(Exception):
    """An answer with ``error_code`` and ``message``."""

    def __init__(self, message: str, code: str = "INVALID_PARAMETER_VALUE", status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status

    def document(self) -> dict[str, str]:
        return {"error_code": self.code, "message": str(self)}


class MlflowStore:
    """Answers searches; ``page_size`` limits a page below what is asked for, so that pages are seen in small data."""

    def __init__(self, runs: Sequence[Run], *, page_size: int = _MOST_RUNS) -> None:
        self._runs = list(runs)
        self._page_size = page_size
        names = dict.fromkeys(run.experiment for run in runs)
        self._experiments = {str(stable_int(10**15, "experiment", name)): name for name in names}

    def search_experiments(self, body: dict[str, Any]) -> dict[str, Any]:
        """``experiments/search``."""
        found = [
            {
                "experiment_id": key,
                "name": name,
                "artifact_location": f"mlflow-artifacts:/{key}",
                "lifecycle_stage": "active",
            }
            for key, name in self._experiments.items()
        ]
        return self._page("experiments", found, body)

    def search_runs(self, body: dict[str, Any]) -> dict[str, Any]:
        """``runs/search``.

        Raises:
            MlflowError: in MLflow's words.
        """
        wanted = {self._experiments.get(str(key)) for key in body.get("experiment_ids") or []}
        view = body.get("run_view_type", "ACTIVE_ONLY")
        conditions = _conditions(body.get("filter", ""))
        found = [
            run
            for run in self._runs
            if run.experiment in wanted
            and (view == "ALL" or (run.lifecycle_stage == "active") == (view == "ACTIVE_ONLY"))
            and all(_holds(run, *condition) for condition in conditions)
        ]
        return self._page("runs", [self._document(run) for run in found], body)

    def _page(self, what: str, found: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
        most = int(body.get("max_results", 1000))
        if not 0 < most <= _MOST_RUNS:
            raise MlflowError(f"Invalid value {most} for parameter 'max_results' supplied")
        start = _offset(body.get("page_token"))
        end = start + min(most, self._page_size)
        document: dict[str, Any] = {what: found[start:end]} if found[start:end] else {}
        if end < len(found):
            document["next_page_token"] = base64.b64encode(json.dumps({"offset": end}).encode()).decode()
        return document

    def _document(self, run: Run) -> dict[str, Any]:
        experiment = next(key for key, name in self._experiments.items() if name == run.experiment)
        info: dict[str, Any] = {
            "run_id": run.run_id,
            "run_uuid": run.run_id,
            "run_name": run.name,
            "experiment_id": experiment,
            "user_id": run.user,
            "status": run.status,
            "start_time": _milliseconds(run.started_at),
            "artifact_uri": f"mlflow-artifacts:/{experiment}/{run.run_id}/artifacts",
            "lifecycle_stage": run.lifecycle_stage,
        }
        if run.ended_at is not None:
            info["end_time"] = _milliseconds(run.ended_at)
        own = {"mlflow.user": run.user, "mlflow.runName": run.name, "mlflow.source.name": "train.py --token …"}
        return {
            "info": info,
            "data": {
                "metrics": [
                    {"key": key, "value": value, "timestamp": info["start_time"], "step": 0}
                    for key, value in run.metrics.items()
                ],
                "params": [{"key": key, "value": value} for key, value in run.params.items()],
                "tags": [{"key": key, "value": value} for key, value in (run.tags | own).items()],
            },
            "inputs": {},
        }


def _conditions(text: str) -> list[tuple[str, str, int]]:
    found = []
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text.strip() else []:
        match = _CONDITION.match(part.strip())
        if match is None:
            raise MlflowError(f"Invalid clause(s) in filter string: '{part}'")
        found.append((match[1], match[2], int(match[3])))
    return found


def _holds(run: Run, name: str, operator: str, bound: int) -> bool:
    moment = run.started_at if name == "start_time" else run.ended_at
    if moment is None:
        return False
    value = _milliseconds(moment)
    return {
        ">=": value >= bound, "<=": value <= bound, ">": value > bound, "<": value < bound, "=": value == bound
    }[operator]  # fmt: skip


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.b64decode(token))["offset"])
    except (ValueError, KeyError, TypeError):
        raise MlflowError("Invalid page token") from None
