"""The dbt manifest: made when it is missing or older than the project's files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dagster_dbt import DbtProject

DBT = Path(sys.executable).with_name("dbt")
"""The dbt of this environment: it need not be on the PATH."""

_SOURCES = ("*.sql", "*.yml", "*.md", "*.py")


class ManifestError(RuntimeError):
    """dbt could not parse the project."""


def ensure_manifest(project: DbtProject, variables: Mapping[str, str]) -> Path:
    """Parse the dbt project if needed and return the path of its manifest.

    Args:
        variables: what dbt finds its home by, as ``Workspace.dbt_environment`` says it: builds with the same ones go on
            from what was parsed, and others parse the project again.

    Raises:
        ManifestError: with dbt's own message.
    """
    manifest = Path(project.manifest_path)
    folder = Path(project.project_dir)
    newest = max(
        path.stat().st_mtime
        for pattern in _SOURCES
        for path in folder.rglob(pattern)
        if not {"target", "logs"} & set(path.relative_to(folder).parts)
    )
    if not manifest.exists() or manifest.stat().st_mtime < newest:
        command = [str(DBT), "parse", "--project-dir", str(folder), "--profiles-dir", str(folder), "--quiet"]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ManifestError(f"dbt could not read {folder}:\n{done.stdout}{done.stderr}")
    return manifest
