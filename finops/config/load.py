"""Reading ``config/``: every file against its model, then what the files say about each other.

Here: loading, filling ``${NAME}`` in from the environment, references between files.
Not here: YAML and lines (document), wording (problems), what a file may say (the module of its name).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from finops.config.actuator_routes import ActuatorRoute
from finops.config.allocation import AllocationFile
from finops.config.anomalies import AnomaliesFile
from finops.config.budgets import BudgetsFile
from finops.config.currencies import CurrenciesFile
from finops.config.digests import WeeklyDigest
from finops.config.document import Document, Location, read_document
from finops.config.events import EventsFile
from finops.config.exports import ExportsFile
from finops.config.policies import GuardrailsFile, PolicyBase
from finops.config.portal import PortalFile
from finops.config.prices import PricesFile
from finops.config.problems import ConfigError, ConfigProblem, suggest, word
from finops.config.rates import ExchangeRate, read_rates
from finops.config.reconciliation import ReconciliationFile
from finops.config.routing import TELLING_ROUTES, RoutingFile
from finops.config.scenarios import Scenario, ScenariosFile
from finops.config.sources import Source, SourcesFile
from finops.config.tags import TagsFile
from finops.config.units import UnitsFile
from finops.config.usage_mapping import UsageMapping

__all__ = [
    "FILES",
    "ConfigError",
    "ConfigProblem",
    "Configuration",
    "load_configuration",
    "load_mapping",
    "load_scenarios",
    "resolve_variables",
]


@dataclass(frozen=True)
class Configuration:
    """Everything under ``config/``, validated."""

    directory: Path
    sources: SourcesFile
    tags: TagsFile
    allocation: AllocationFile
    prices: PricesFile
    currencies: CurrenciesFile
    exchange_rates: tuple[ExchangeRate, ...]
    budgets: BudgetsFile
    guardrails: GuardrailsFile
    events: EventsFile
    routing: RoutingFile
    reconciliation: ReconciliationFile = field(default_factory=lambda: ReconciliationFile.model_validate({}))
    units: UnitsFile = field(default_factory=UnitsFile)
    scenarios: ScenariosFile = field(default_factory=ScenariosFile)
    anomalies: AnomaliesFile = field(default_factory=lambda: AnomaliesFile.model_validate({}))
    exports: ExportsFile = field(default_factory=ExportsFile)
    portal: PortalFile = field(default_factory=lambda: PortalFile.model_validate({}))


FILES: dict[str, type[BaseModel]] = {
    "sources": SourcesFile,
    "tags": TagsFile,
    "allocation": AllocationFile,
    "reconciliation": ReconciliationFile,
    "prices": PricesFile,
    "currencies": CurrenciesFile,
    "budgets": BudgetsFile,
    "units": UnitsFile,
    "guardrails": GuardrailsFile,
    "events": EventsFile,
    "anomalies": AnomaliesFile,
    "routing": RoutingFile,
    "scenarios": ScenariosFile,
    "exports": ExportsFile,
    "portal": PortalFile,
}
"""The files of a configuration folder, without ``.yml``, and their models."""

OPTIONAL = frozenset({"reconciliation", "currencies", "units", "anomalies", "scenarios", "exports", "portal"})
"""Files that need not exist: their settings all have defaults."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def load_configuration(directory: Path) -> Configuration:
    """Read and validate all files of a configuration folder, and what they say about each other.

    Raises:
        ConfigError: with every problem of every file, not only the first.
    """
    problems: list[ConfigProblem] = []
    loaded: dict[str, Any] = {}
    documents: dict[str, Document] = {}
    for name, model in FILES.items():
        path = directory / f"{name}.yml"
        if name in OPTIONAL and not path.exists():
            loaded[name] = model()
            continue
        try:
            loaded[name], documents[name] = _load(path, model)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    rates, rate_problems = read_rates(loaded["currencies"], directory, documents.get("currencies"))
    problems += rate_problems
    configuration = Configuration(directory=directory, exchange_rates=tuple(rates), **loaded)
    problems += _references(configuration, documents)
    if problems:
        raise ConfigError(problems)
    return configuration


def resolve_variables(source: Source, environ: Mapping[str, str], directory: Path) -> Source:
    """Fill ``${NAME}`` in a source's settings from the environment.

    Raises:
        ConfigError: a variable is not set, or set to nothing; one problem for each.
    """
    missing: dict[str, None] = {}

    def fill(value: Any) -> Any:
        match value:
            case str():
                missing.update(dict.fromkeys(name for name in _VARIABLE.findall(value) if not environ.get(name)))
                return _VARIABLE.sub(lambda match: environ.get(match[1], ""), value)
            case list():
                return [fill(item) for item in value]
            case _:
                return value

    values = {name: fill(value) for name, value in source.model_dump().items()}
    if missing:
        path = directory / "sources.yml"
        remedy = "Set it (.env.example lists all variables), write the value here, or add enabled: false"
        raise ConfigError(
            [
                ConfigProblem(
                    path,
                    _line_of_variable(path, name),
                    source.id,
                    f"the environment variable {name} is not set",
                    remedy,
                )
                for name in missing
            ]
        )
    return type(source).model_validate(values)


def _line_of_variable(path: Path, name: str) -> int:
    rows = path.read_text(encoding="utf-8-sig").splitlines()
    settings = (f" {row}".partition(" #")[0] for row in rows)
    return next((line for line, row in enumerate(settings, 1) if f"${{{name}}}" in row), 1)


def load_mapping(path: Path) -> UsageMapping:
    """Read a usage mapping file.

    Raises:
        ConfigError: with every problem of the file.
    """
    mapping: UsageMapping = _load(path, UsageMapping)[0]
    return mapping


def load_scenarios(path: Path) -> list[Scenario]:
    """Read a file of scenarios that is not part of the configuration.

    Raises:
        ConfigError: with every problem of the file.
    """
    scenarios: ScenariosFile = _load(path, ScenariosFile)[0]
    return scenarios.scenarios


def _load(path: Path, model: type[BaseModel]) -> tuple[Any, Document]:
    document = read_document(path)
    try:
        return model.model_validate(document.data), document
    except ValidationError as error:
        details = error.errors(include_url=False)
    names = _field_names(model)
    problems = []
    for detail in details:
        wording = word(detail, names)
        remedy = wording.remedy
        siblings = document.place(wording.location).siblings
        if detail["type"] == "missing" and siblings:
            remedy = f"{remedy} beside {', '.join(siblings[:3])}"
        problems.append(document.problem(wording.location, wording.message, remedy))
    raise ConfigError(problems)


def _field_names(model: type[BaseModel]) -> list[str]:
    """All property names anywhere below a model, for spelling suggestions."""
    schema = model.model_json_schema()
    names = set(schema.get("properties", {}))
    for definition in schema.get("$defs", {}).values():
        names |= set(definition.get("properties", {}))
    return sorted(names)


@dataclass(frozen=True)
class _Reference:
    """A name in one file that another file must know."""

    file: str
    location: Location
    what: str
    name: str


def _references(config: Configuration, documents: Mapping[str, Document]) -> Iterator[ConfigProblem]:
    """References between files: a misspelt team, app, budget or route would otherwise never match, in silence."""
    teams = {team.team for team in config.tags.teams}
    apps = {app.app for app in config.tags.apps}
    models = {name for price in config.prices.models for name in (price.model, *price.aliases)}
    scopes = {budget.scope.value for budget in config.budgets.budgets if budget.scope.value}
    owners = {team.business_unit for team in config.tags.teams if team.business_unit}
    known = {
        "route": ({route.id for route in config.routing.routes}, "routing.yml"),
        "budget": ({budget.id for budget in config.budgets.budgets}, "budgets.yml"),
        # A configuration without teams or apps leaves both to the tags of the resources.
        "team": (teams, "tags.yml") if teams else (None, ""),
        "app": (apps, "tags.yml") if apps else (None, ""),
        "scope": (teams | apps | models | scopes | owners, "tags.yml, budgets.yml or prices.yml")
        if teams
        else (None, ""),
    }
    for reference in (*_policy_references(config), *_target_references(config), *_owner_references(config)):
        names, file = known[reference.what]
        if names is not None and reference.name not in names:
            listed = ", ".join(sorted(names)[:10]) + (", …" if len(names) > 10 else "") if names else "none"
            remedy = suggest(reference.name, sorted(names), otherwise=f"add it to {file}") or f"Known: {listed}"
            message = f"no {reference.what} {reference.name!r} in {file}"
            yield documents[reference.file].problem(reference.location, message, remedy)
    yield from _unfit_routes(config, documents["guardrails"])


def _policy_references(config: Configuration) -> Iterator[_Reference]:
    for i, policy in enumerate(config.guardrails.policies):
        for j, budget in enumerate(getattr(policy, "budgets", ())):
            yield _Reference("guardrails", ("policies", i, "budgets", j), "budget", budget)
        for k, step in enumerate(policy.steps):
            for j, action in enumerate(step.do):
                location = ("policies", i, "levels", k, "do", j, "route")
                yield _Reference("guardrails", location, "route", action.route)
        for what, setting, names in _named_scopes(policy):
            for place, name in names:
                yield _Reference("guardrails", ("policies", i, setting, place), what, name)
    gate = config.guardrails.gate
    if gate.route is not None:
        yield _Reference("guardrails", ("gate", "route"), "route", gate.route)
    for j, value in enumerate(gate.never_deny):
        yield _Reference("guardrails", ("gate", "never_deny", j), "scope", value)


def _named_scopes(policy: PolicyBase) -> Iterator[tuple[str, str, list[tuple[str | int, str]]]]:
    """What a policy's lists of scope values name: the setting, and where in it each name stands."""
    for setting in ("never_touch", "only_touch"):
        yield "scope", setting, list(enumerate(getattr(policy, setting)))
    yield "scope", "caps", [(name, name) for name in getattr(policy, "caps", ())]
    yield "app", "allowed_for", [(name, name) for name in getattr(policy, "allowed_for", ())]


def _unfit_routes(config: Configuration, document: Document) -> Iterator[ConfigProblem]:
    """Orders go to what can carry them out, words to what people read."""
    kinds = {route.id: route.kind for route in config.routing.routes}
    for i, policy in enumerate(config.guardrails.policies):
        for k, step in enumerate(policy.steps):
            for j, action in enumerate(step.do):
                kind = kinds.get(action.route)
                location: Location = ("policies", i, "levels", k, "do", j, "route")
                if action.is_order and kind in TELLING_ROUTES:
                    message = f"{action.kind} goes to {action.route!r}, which only tells people ({kind})"
                    yield document.problem(location, message, "Name a route that can act, such as one of kind webhook")
                elif not action.is_order and kind not in {None, "webhook", *TELLING_ROUTES}:
                    message = f"notify goes to {action.route!r}, which nobody reads ({kind})"
                    yield document.problem(location, message, "Name a route of kind teams, email or webhook")


def _target_references(config: Configuration) -> Iterator[_Reference]:
    for i, route in enumerate(config.routing.routes):
        for j, scope in enumerate(route.known_scopes if isinstance(route, ActuatorRoute) else ()):
            if scope.level in ("team", "app") and scope.value is not None:
                yield _Reference("routing", ("routes", i, "targets", j, "scope", "value"), scope.level, scope.value)
    for i, digest in enumerate(config.routing.digests):
        for j, team in enumerate(digest.teams if isinstance(digest, WeeklyDigest) else ()):
            yield _Reference("routing", ("digests", i, "teams", j), "team", team)


def _owner_references(config: Configuration) -> Iterator[_Reference]:
    for i, rule in enumerate(config.tags.rules):
        if rule.dimension in ("team", "app") and rule.value is not None:
            yield _Reference("tags", ("rules", i, "value"), rule.dimension, rule.value)
    for file, section, scopes in (
        ("budgets", "budgets", [budget.scope for budget in config.budgets.budgets]),
        ("events", "events", [event.scope for event in config.events.events]),
        ("events", "suppressions", [window.scope for window in config.events.suppressions]),
        ("events", "price_changes", [change.scope for change in config.events.price_changes]),
        ("events", "capacities", [capacity.scope for capacity in config.events.capacities]),
        ("anomalies", "floors", [floor.scope for floor in config.anomalies.floors]),
    ):
        for i, scope in enumerate(scopes):
            if scope.level in ("team", "app") and scope.value is not None:
                yield _Reference(file, (section, i, "scope", "value"), scope.level, scope.value)
    for i, grant in enumerate(config.portal.grants):
        for j, team in enumerate(grant.teams):
            yield _Reference("portal", ("grants", i, "teams", j), "team", team)
    for i, unit in enumerate(config.units.units):
        for what in ("team", "app"):
            for j, name in enumerate(unit.cost.values.get(what, [])):
                yield _Reference("units", ("units", i, "cost", what, j), what, name)
    for i, policy in enumerate(config.units.amortisation):
        for role, named in (("training", policy.training.values), ("served_by", policy.served_by.values)):
            for what in ("team", "app"):
                for j, name in enumerate(named.get(what, [])):
                    yield _Reference("units", ("amortisation", i, role, what, j), what, name)
    for i, level in enumerate(config.units.service_levels):
        for what in ("team", "app"):
            for j, name in enumerate(level.values.get(what, [])):
                yield _Reference("units", ("service_levels", i, what, j), what, name)
    for i, pool in enumerate(config.allocation.pools):
        for team in pool.shares:
            yield _Reference("allocation", ("pools", i, "shares", team), "team", team)
        if pool.idle_team is not None:
            yield _Reference("allocation", ("pools", i, "idle_team"), "team", pool.idle_team)
