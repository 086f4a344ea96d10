"""The project's files and the folder that they are written to.

Here: the layout of a Power BI project, its JSON shells, replacing a project that nobody has changed.
Not here: the content of TMDL (``tmdl``) and PBIR (``visuals``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.dictionary import Dictionary
from reports.folders import swapped_in
from reports.powerbi import tmdl, visuals
from reports.powerbi.measures import measures
from reports.powerbi.names import identity
from reports.powerbi.pages import PAGES
from reports.powerbi.queries import Root, shared_expressions
from reports.powerbi.roles import ROLES
from reports.powerbi.star import STAR, relationships
from reports.powerbi.theme import theme

NAME = "AISpend"
MODEL, REPORT = f"{NAME}.SemanticModel", f"{NAME}.Report"
RECORD = "written.json"
"""Hashes of the files as they were written: a later export knows by them that nobody has changed the project."""
_FABRIC = "https://developer.microsoft.com/json-schemas/fabric"
_LOCAL = ".pbi"
_NAMED = 5


class PowerBiError(ValueError):
    """A project that cannot be written; what was there before is whole."""


@dataclass(frozen=True)
class WrittenProject:
    path: Path
    file_count: int
    table_count: int
    measure_count: int
    page_count: int


def project_files(dictionary: Dictionary, root: Root) -> dict[str, str]:
    """Path → text of every file, the same for the same contracts and root.

    Raises:
        ContractError: a table shows a mart or column that no contract has.
    """
    every = measures()
    by_name = {measure.name: measure for measure in every}
    shared = shared_expressions(root)
    files = {
        f"{NAME}.pbip": _json(
            {
                "$schema": f"{_FABRIC}/pbip/pbipProperties/1.0.0/schema.json",
                "version": "1.0",
                "artifacts": [{"report": {"path": REPORT}}],
                "settings": {"enableAutoRecovery": True},
            }
        ),
        ".gitignore": f"**/{_LOCAL}/localSettings.json\n**/{_LOCAL}/cache.abf\n",
        f"{MODEL}/.platform": _json(_platform("SemanticModel")),
        f"{MODEL}/definition.pbism": _json(
            {
                "$schema": f"{_FABRIC}/item/semanticModel/definitionProperties/1.0.0/schema.json",
                "version": "4.0",
                "settings": {},
            }
        ),
        f"{MODEL}/definition/database.tmdl": tmdl.database_file(),
        f"{MODEL}/definition/model.tmdl": tmdl.model_file(STAR, shared, ROLES),
        f"{MODEL}/definition/expressions.tmdl": tmdl.expressions_file(shared),
        f"{MODEL}/definition/relationships.tmdl": tmdl.relationships_file(relationships()),
        f"{REPORT}/.platform": _json(_platform("Report")),
        f"{REPORT}/definition.pbir": _json(
            {
                "$schema": f"{_FABRIC}/item/report/definitionProperties/2.0.0/schema.json",
                "version": "4.0",
                "datasetReference": {"byPath": {"path": f"../{MODEL}"}},
            }
        ),
        f"{REPORT}/definition/version.json": _json(visuals.version_document()),
        f"{REPORT}/definition/report.json": _json(visuals.report_document()),
        f"{REPORT}/definition/pages/pages.json": _json(visuals.pages_document()),
        f"{REPORT}/StaticResources/RegisteredResources/{visuals.THEME_FILE}": _json(theme()),
    }
    for table in STAR:
        own = [measure for measure in every if measure.table == table.name]
        files[f"{MODEL}/definition/tables/{table.name}.tmdl"] = tmdl.table_file(table, dictionary, own)
    for role in ROLES:
        files[f"{MODEL}/definition/roles/{role.name}.tmdl"] = tmdl.role_file(role)
    for page in PAGES:
        folder = f"{REPORT}/definition/pages/{visuals.page_name(page)}"
        files[f"{folder}/page.json"] = _json(visuals.page_document(page))
        for number, visual in enumerate(page.visuals):
            document = visuals.visual_document(page, visual, number, by_name)
            files[f"{folder}/visuals/{document['name']}/visual.json"] = _json(document)
    return files


def write_project(out_dir: Path, dictionary: Dictionary, root: Root, *, replace: bool = False) -> WrittenProject:
    """Write the project into ``out_dir``, in one step; a former export there is replaced.

    Args:
        replace: also replace a folder that somebody has changed, or that is no export.

    Raises:
        PowerBiError: the folder holds somebody's work.
        ContractError: a table shows a mart or column that no contract has.
    """
    files = project_files(dictionary, root)
    if not replace:
        _refuse_changed(out_dir)
    files[RECORD] = _json({path: _sha256(text.encode()) for path, text in files.items()})
    with swapped_in(out_dir) as folder:
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
    return WrittenProject(out_dir, len(files), len(STAR), len(measures()), len(PAGES))


def _refuse_changed(folder: Path) -> None:
    """A person's edits of model or report must not vanish because the project is written again."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise PowerBiError(f"{folder} is a file: name a folder")
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and _LOCAL not in path.relative_to(folder).parts
    }
    if not found:
        return
    remedy = "choose another folder, or say --replace to lose what is there"
    record = found.pop(RECORD, None)
    if record is None:
        raise PowerBiError(f"{folder} holds files that are no export of this program: {remedy}")
    try:
        written = dict(json.loads(record.read_text(encoding="utf-8")))
    except ValueError:
        raise PowerBiError(f"{record} cannot be read, so nobody knows what was changed: {remedy}") from None
    changed = sorted(
        path
        for path in written.keys() | found.keys()
        if path not in found or written.get(path) != _sha256(found[path].read_bytes())
    )
    if changed:
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        raise PowerBiError(f"{folder} was changed since it was written ({', '.join(changed[:_NAMED])}{more}): {remedy}")


def _platform(kind: str) -> dict[str, Any]:
    return {
        "$schema": f"{_FABRIC}/gitIntegration/platformProperties/2.0.0/schema.json",
        "metadata": {"type": kind, "displayName": NAME},
        "config": {"version": "2.0", "logicalId": identity("item", kind)},
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
