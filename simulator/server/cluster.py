"""Routes of what knows the cluster and its runs: OpenCost and MLflow.

Here: routes, and translating refusals into answers.
Not here: what is answered (``opencost``, ``mlflow``).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator import organisation as org
from simulator import telemetry
from simulator.generate import ORGANISATION_FILE, TELEMETRY_FOLDER
from simulator.gpu import GpuHour
from simulator.server.mlflow import MlflowError, MlflowStore
from simulator.server.opencost import OpencostError, OpencostStore
from simulator.training import training_runs

_PAGE_SIZE = 500


class ClusterStores:
    """The data of one generated folder, read when first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    @cached_property
    def _parameters(self) -> org.Parameters:
        document = json.loads((self._directory / ORGANISATION_FILE).read_text(encoding="utf-8"))
        as_of = datetime.fromisoformat(document["as_of"].replace("Z", "+00:00"))
        return org.Parameters(seed=document["seed"], scale=document["scale"], days=document["days"], as_of=as_of)

    @cached_property
    def _hours(self) -> list[GpuHour]:
        return telemetry.read_gpu_hours(self._directory / TELEMETRY_FOLDER)

    @cached_property
    def _opencost(self) -> OpencostStore:
        first_day = self._parameters.as_of.date() - timedelta(days=self._parameters.days)
        midnight = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
        return OpencostStore(self._hours, midnight, self._parameters.as_of)

    @cached_property
    def _mlflow(self) -> MlflowStore:
        return MlflowStore(training_runs(self._parameters, self._hours), page_size=_PAGE_SIZE)

    def opencost(self) -> OpencostStore:
        with self._lock:
            return self._opencost

    def mlflow(self) -> MlflowStore:
        with self._lock:
            return self._mlflow


def cluster_routes(directory: Path) -> list[Route]:
    """``/allocation/compute``, ``/assets`` and ``/api/2.0/mlflow/…`` over a generated folder."""
    stores = ClusterStores(directory)

    def opencost(method: str) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            parameters = dict(request.query_params)
            try:
                return JSONResponse(await run_in_threadpool(lambda: getattr(stores.opencost(), method)(parameters)))
            except OpencostError as error:
                return JSONResponse(error.document(), error.status)

        return answer

    async def mlflow(request: Request) -> Response:
        what = request.path_params["what"]
        if what not in ("experiments", "runs"):
            return Response(status_code=404)
        try:
            body = json.loads(await request.body() or b"{}")
            return JSONResponse(await run_in_threadpool(lambda: getattr(stores.mlflow(), f"search_{what}")(body)))
        except json.JSONDecodeError:
            refused = MlflowError("Malformed request body", "MALFORMED_REQUEST")
            return JSONResponse(refused.document(), refused.status)
        except MlflowError as error:
            return JSONResponse(error.document(), error.status)

    return [
        Route("/allocation/compute", opencost("allocations")),
        Route("/assets", opencost("assets")),
        Route("/api/2.0/mlflow/{what}/search", mlflow, methods=["POST"]),
    ]
