"""Results kept by series, so that an unchanged series is not fitted again.

Here: one small JSON file per scope, holding the fingerprint of its job and the result.
Not here: what decides that a job is unchanged (``Job.fingerprint``).

A pure function's memory: deleting the folder changes nothing but the time of the next run.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from models.forecast.one_series import Job, SeriesForecast

ALGORITHM = 4
"""Raise when a forecast of the same job would come out differently."""


class ForecastCache:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = [ALGORITHM, version("prophet"), version("holidays"), version("numpy")]

    def get(self, job: Job) -> SeriesForecast | None:
        """The result of an equal job, or None; an unreadable file counts as absent."""
        try:
            content = json.loads(self._path(job).read_text(encoding="utf-8"))
            if content["key"] == self._key(job):
                return SeriesForecast.from_json(content["forecast"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None

    def put(self, job: Job, forecast: SeriesForecast) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".forecast.", suffix=".tmp", dir=self._folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"key": self._key(job), "forecast": forecast.to_json()}, file)
        Path(name).replace(self._path(job))

    def _path(self, job: Job) -> Path:
        scope = job.series.scope
        identity = json.dumps([scope.type, scope.value, scope.currency])
        return self._folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:24]}.json"

    def _key(self, job: Job) -> str:
        return hashlib.sha256(json.dumps([self._versions, job.fingerprint()]).encode()).hexdigest()
