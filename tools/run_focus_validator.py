"""Run the FOCUS project's own validator on a FOCUS file, and say which of its rules fail.

    python tools/run_focus_validator.py FILE --version 1.4 --rules FOLDER [--dataset CostAndUsage] [--cache FOLDER]
    python tools/run_focus_validator.py --install [--cache FOLDER]

The validator needs Python 3.12 and libraries that this project must not have, so it gets an environment of its
own, built once in the cache folder. FOLDER has the specification's rules (model-1.2.0.1.json, model-1.4.json,
currency_codes.csv), which are not part of this project. The validator ends with status 0 whatever it finds, so its
report is read: a failing rule ends with status 1, unless tests/focus_validator_allowed.csv names it as the validator's
own fault, with the reason.

Here: the environment, the run, the report. Not here: our own checks, which see what the validator misses
(`aifinops focus check`).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ALLOWED = Path(__file__).resolve().parent.parent / "tests" / "focus_validator_allowed.csv"
FOLDER = "focus-validator-2.2.1"
# focus-validator 2.2.1 uses what pyarrow 25 and numpy 2 have removed.
REQUIREMENTS = ("focus-validator==2.2.1", "pyarrow<25", "numpy<2")
# Not 3.13: numpy 1 has no build for it, and compiling it takes a quarter of an hour.
PYTHON = "python3.12"
MODELS = {"1.2": ("1.2.0.1", "model-1.2.0.1.json"), "1.4": ("1.4", "model-1.4.json")}


class ValidatorMissingError(RuntimeError):
    """The validator cannot be had here; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """``failed`` are rules that fail and are not allowed to; ``allowed`` those that do so by the validator's fault."""

    rules_checked: int
    failed: dict[str, str]
    allowed: dict[str, str]


def installed(cache: Path) -> Path:
    """The validator's command below ``cache``.

    Raises:
        ValidatorMissingError: it is not installed there.
    """
    folder = cache / FOLDER
    if not (folder / ".ready").exists():
        raise ValidatorMissingError(f"the FOCUS validator is not installed in {folder}")
    return folder / "bin" / "focus-validator"


def validator_in(cache: Path) -> Path:
    """The validator's command, installed into ``cache`` where it is not there yet.

    Raises:
        ValidatorMissingError: there is no Python 3.12, or the packages cannot be installed.
    """
    folder = cache / FOLDER
    if (folder / ".ready").exists():
        return installed(cache)
    python = _working_python(PYTHON)
    if python is None:
        raise ValidatorMissingError(f"the validator needs {PYTHON}, and there is none here")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _run([python, "-m", "venv", str(folder)])
        _run(
            [
                str(folder / "bin" / "python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--only-binary",
                "numpy,pyarrow",
                *REQUIREMENTS,
            ]
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout or "no output").strip().splitlines()[-1]
        raise ValidatorMissingError(f"the validator cannot be installed: {last}") from error
    (folder / ".ready").touch()
    return installed(cache)


def _working_python(name: str) -> str | None:
    """A Python by name that starts: a version manager may have a name for one that it has not installed."""
    found = shutil.which(name)
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [found] if found else []
    candidates += [str(path) for path in sorted(versions.glob(f"{name.removeprefix('python')}*/bin/{name}"))]
    for candidate in candidates:
        if not subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode:
            return candidate
    return None


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def validate(command: Path, file: Path, version: str, rules: Path, dataset: str = "CostAndUsage") -> Verdict:
    """Run the validator on a Parquet file (its CSV reader guesses types) and judge its report."""
    release, model = MODELS[version]
    with tempfile.TemporaryDirectory(prefix="focus-validator-") as work:
        # It looks for its currency codes below the folder that it runs in.
        folder = Path(work) / "focus_validator" / "rules"
        folder.mkdir(parents=True)
        for name in (model, "currency_codes.csv"):
            shutil.copyfile(rules / name, folder / name)
        report = Path(work) / "report.xml"
        done = subprocess.run(
            [
                str(command),
                *("--data-file", str(file.resolve())),
                *("--validate-version", release),
                *("--rule-set-path", str(folder)),
                *("--focus-dataset", dataset),
                *("--applicability-criteria", ",".join(_criteria(folder / model, file)) or "NONE"),
                *("--output-type", "unittest", "--output-destination", str(report)),
                "--block-download",
            ],
            cwd=work,
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            raise ValidatorMissingError(
                f"the validator wrote no report: {(done.stderr or done.stdout).strip()[-2000:]}"
            )
        tree = ElementTree.parse(report)  # noqa: S314 - the report is our own child's
    cases = list(tree.iter("testcase"))
    failing = {str(case.get("name")).partition(" ")[0] for case in cases if case.find("failure") is not None}
    reasons = dict(_allowed(version))
    known = json.loads((rules / model).read_text(encoding="utf-8"))["ModelRules"]
    parents = _parents(known)
    allowed = {rule: reasons[rule] for rule in sorted(failing) if rule in reasons}
    # It looks for values in columns that are not there; whether they must be is a rule of its own, on their presence.
    columns = _columns_of(file)
    about_absent = {
        name
        for name, rule in known.items()
        if rule.get("Function") != "Presence" and str(rule["Reference"]).removesuffix("Object") not in columns
    }
    explained = set(allowed) | (failing & about_absent)
    # A composite rule fails with its parts: it is excused where every failing part is.
    while True:
        more = {
            rule for rule in failing - explained if (parts := parents.get(rule, set()) & failing) and parts <= explained
        }
        if not more:
            break
        explained |= more
    checked = sum(1 for case in cases if case.find("skipped") is None)
    return Verdict(checked, {rule: rule for rule in sorted(failing - explained)}, allowed)


def _criteria(model: Path, file: Path) -> Iterable[str]:
    """What the data's provider supports: all that the specification knows, less what absent columns would be about."""
    document = json.loads(model.read_text(encoding="utf-8"))
    columns = _columns_of(file)
    absent: set[str] = set()
    for rule in document["ModelRules"].values():
        if rule.get("Function") == "Presence" and rule["Reference"] not in columns:
            absent.update(rule["ApplicabilityCriteria"])
    return sorted(set(document["ApplicabilityCriteria"]) - absent)


def _columns_of(file: Path) -> set[str]:
    import pyarrow.parquet as pq

    return set(pq.read_schema(file).names)


def _parents(rules: dict[str, dict[str, object]]) -> dict[str, set[str]]:
    """Composite rule → the rules that it is made of or depends on."""

    def named(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            if part.get("CheckFunction") == "CheckModelRule":
                yield str(part["ModelRuleId"])
            for value in part.values():
                yield from named(value)
        elif isinstance(part, list):
            for value in part:
                yield from named(value)

    found = {}
    for name, rule in rules.items():
        criteria = rule["ValidationCriteria"]
        if not isinstance(criteria, dict):
            raise TypeError(f"{name}: the validation criteria are no object")
        found[name] = {*named(criteria.get("Requirement")), *criteria.get("Dependencies", [])}
    return found


def _allowed(version: str) -> Iterator[tuple[str, str]]:
    with ALLOWED.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["version"] == version:
                yield row["rule"], row["reason"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the FOCUS project's own validator on a FOCUS file.")
    parser.add_argument("file", type=Path, nargs="?", help="Parquet file")
    parser.add_argument("--install", action="store_true", help="only install the validator")
    parser.add_argument("--version", choices=sorted(MODELS), default="1.4")
    parser.add_argument("--rules", type=Path, help="folder with the specification's rules")
    parser.add_argument("--dataset", default="CostAndUsage")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "aifinops")
    options = parser.parse_args()
    if not options.install and (options.file is None or options.rules is None):
        parser.error("name the file and, with --rules, the folder with the specification's rules")
    try:
        if options.install:
            print(f"✓ {validator_in(options.cache)}")
            return 0
        verdict = validate(validator_in(options.cache), options.file, options.version, options.rules, options.dataset)
    except ValidatorMissingError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 2
    for rule, reason in verdict.allowed.items():
        print(f"· {rule}: {reason}")
    for rule in verdict.failed:
        print(f"✗ {rule}")
    print(f"{verdict.rules_checked} rules checked, {len(verdict.failed)} failed, {len(verdict.allowed)} excused")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
