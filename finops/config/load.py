"""Reading ``config/``: YAML with positions, so that every problem names its file and line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from finops.config import models as m


@dataclass(frozen=True)
class ConfigProblem:
    file: Path
    line: int
    where: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where + ': ' if self.where else ''}{self.message}. {self.remedy}"


class ConfigError(ValueError):
    """One or more problems in configuration files; ``problems`` lists them all."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class Configuration:
    """Everything under ``config/``, validated."""

    directory: Path
    sources: m.SourcesFile
    tags: m.TagsFile
    allocation: m.AllocationFile
    prices: m.PricesFile
    budgets: m.BudgetsFile
    guardrails: m.GuardrailsFile
    events: m.EventsFile
    routing: m.RoutingFile


FILES: dict[str, type[BaseModel]] = {
    "sources": m.SourcesFile,
    "tags": m.TagsFile,
    "allocation": m.AllocationFile,
    "prices": m.PricesFile,
    "budgets": m.BudgetsFile,
    "guardrails": m.GuardrailsFile,
    "events": m.EventsFile,
    "routing": m.RoutingFile,
}


_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def load_configuration(directory: Path) -> Configuration:
    """Read and validate all files of a configuration folder, and what they say about each other.

    Raises:
        ConfigError: with every problem of every file, not only the first.
    """
    problems: list[ConfigProblem] = []
    loaded: dict[str, Any] = {}
    nodes: dict[str, yaml.Node] = {}
    for name, model in FILES.items():
        try:
            loaded[name], nodes[name] = _load(directory / f"{name}.yml", model)
        except ConfigError as error:
            problems += error.problems
    if not problems:
        problems += _cross_check(directory, loaded, nodes)
    if problems:
        raise ConfigError(problems)
    return Configuration(directory=directory, **loaded)


def resolve_variables(source: m.Source, environ: Mapping[str, str], directory: Path) -> m.Source:
    """Fill ``${NAME}`` in a source's settings from the environment.

    Raises:
        ConfigError: a variable is not set.
    """
    text = source.model_dump_json()
    missing = sorted({name for name in _VARIABLE.findall(text) if not environ.get(name)})
    if missing:
        path = directory / "sources.yml"
        line = next((n for n, row in enumerate(path.read_text().splitlines(), 1) if f"${{{missing[0]}}}" in row), 1)
        remedy = "Set it (.env.example lists all variables), write the value here, or add enabled: false"
        raise _single(path, line, source.id, f"the environment variable {missing[0]} is not set", remedy)
    values = {
        name: _VARIABLE.sub(lambda match: environ[match[1]], value) if isinstance(value, str) else value
        for name, value in source.model_dump().items()
    }
    return type(source).model_validate(values)


def load_mapping(path: Path) -> m.UsageMapping:
    """Read a usage mapping file.

    Raises:
        ConfigError: with every problem of the file.
    """
    return _load(path, m.UsageMapping)[0]


def _load(path: Path, model: type[BaseModel]) -> tuple[Any, yaml.Node]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise _single(path, 1, "", "the file does not exist", "Copy it from the project's config folder") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        remedy = "Check indentation and quotes near that line"
        raise _single(path, line, "", f"not valid YAML: {error.problem}", remedy) from None
    if node is None:
        raise _single(path, 1, "", "the file is empty", "Copy it from the project's config folder")
    try:
        return model.model_validate(data), node
    except ValidationError as error:
        raise ConfigError([_problem(path, node, model, detail) for detail in error.errors()]) from None


def _single(path: Path, line: int, where: str, message: str, remedy: str) -> ConfigError:
    return ConfigError([ConfigProblem(path, line, where, message, remedy)])


def _problem(path: Path, root: yaml.Node, model: type[BaseModel], detail: Any) -> ConfigProblem:
    location = tuple(detail["loc"])
    line, shown, parent_keys = _locate(root, location)
    message = detail["msg"].removeprefix("Value error, ")
    remedy = "Correct the value"
    match detail["type"]:
        case "extra_forbidden":
            message = f"unknown setting {location[-1]!r}"
            close = difflib.get_close_matches(str(location[-1]), _field_names(model), n=1)
            remedy = f"Did you mean {close[0]!r}? Otherwise remove it" if close else "Remove it or correct its spelling"
        case "missing":
            message = f"the setting {location[-1]!r} is missing"
            remedy = (
                f"Add {location[-1]!r} beside {', '.join(parent_keys[:3])}" if parent_keys else f"Add {location[-1]!r}"
            )
        case "value_error":
            remedy = "See the comments in the example file of the same name"
        case "union_tag_invalid":
            message = f"unknown {detail['ctx']['discriminator']} {detail['ctx']['tag']!r}"
            remedy = f"Use one of {detail['ctx']['expected_tags']}"
        case "literal_error":
            remedy = f"Use one of {detail['ctx']['expected']}"
    return ConfigProblem(path, line, shown, message, remedy)


def _locate(root: yaml.Node, location: tuple[str | int, ...]) -> tuple[int, str, list[str]]:
    """Line (1-based) of the deepest node that the location names, its path as text, and the keys beside it."""
    node, line, shown = root, root.start_mark.line + 1, ""
    for step in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line, shown = node.start_mark.line + 1, f"{shown}[{step}]"
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    node, line, shown = value, key.start_mark.line + 1, f"{shown}.{step}"
                    break
    keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    return line, shown.lstrip("."), keys


def _field_names(model: type[BaseModel]) -> list[str]:
    """All property names anywhere below a model, for spelling suggestions."""
    schema = model.model_json_schema()
    names = set(schema.get("properties", {}))
    for definition in schema.get("$defs", {}).values():
        names |= set(definition.get("properties", {}))
    return sorted(names)


def _cross_check(directory: Path, loaded: dict[str, Any], nodes: dict[str, yaml.Node]) -> list[ConfigProblem]:
    """References between files: policies name budgets and routes, routes must exist."""
    problems: list[ConfigProblem] = []
    budget_ids = {budget.id for budget in loaded["budgets"].budgets}
    route_ids = {route.id for route in loaded["routing"].routes}

    def refer(location: tuple[str | int, ...], what: str, name: str, known: set[str], file: str) -> None:
        if name not in known:
            line, shown, _ = _locate(nodes["guardrails"], location)
            path = directory / "guardrails.yml"
            remedy = f"Known: {', '.join(sorted(known)) or 'none'}"
            problems.append(ConfigProblem(path, line, shown, f"no {what} {name!r} in {file}", remedy))

    for i, policy in enumerate(loaded["guardrails"].policies):
        for j, budget in enumerate(getattr(policy, "budgets", [])):
            refer(("policies", i, "budgets", j), "budget", budget, budget_ids, "budgets.yml")
        for level in ("warn", "trip"):
            for j, action in enumerate(getattr(policy, level)):
                refer(("policies", i, level, j, "route"), "route", action.route, route_ids, "routing.yml")
    return problems
