"""Configuration errors, as a person reads them: file, line, setting, what is wrong, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.config import ConfigError, load_configuration, load_mapping, resolve_variables
from tests.support.small_config import write_small_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_config(tmp_path / "config")


def problems(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def replace(folder: Path, name: str, old: str, new: str) -> int:
    """Replace text in a file and return the 1-based line of the change."""
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is not once in {name}"
    write(folder, name, text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.ids("GUARD-1")
def test_a_misspelt_setting_names_file_line_and_the_setting_that_was_meant(folder: Path) -> None:
    line = replace(folder, "guardrails.yml", "    clear_after: 2", "    clear_afer: 2")
    assert problems(folder) == [
        f"guardrails.yml:{line}: policies[0].clear_afer: unknown setting 'clear_afer'. "
        "Did you mean 'clear_after'? Otherwise remove it"
    ]


@pytest.mark.ids("BUD-1")
def test_problems_of_all_files_are_shown_at_once(folder: Path) -> None:
    budget = replace(folder, "budgets.yml", "amount: 95000", "amount: lots")
    event = replace(folder, "events.yml", "ends_on: 2026-09-20", "ends_on: 2026-09-01")
    assert problems(folder) == [
        f"budgets.yml:{budget}: budgets[0].amount: a number expected, found text. "
        "Write it like 1234.56, with a point and no separators",
        f"events.yml:{event}: events[0].ends_on: ends_on is before starts_on. Swap or correct the dates",
    ]


def line_of(folder: Path, name: str, text: str) -> int:
    rows = (folder / name).read_text(encoding="utf-8").splitlines()
    [line] = [line for line, row in enumerate(rows, 1) if text in row]
    return line


CASES = [
    pytest.param(
        "budgets.yml",
        "amount: 12000}\n  - {id: support,",
        "amount: 12000, amount: 13000}\n  - {id: support,",
        "amount: the setting 'amount' is given twice, first in line {line}. Keep one",
        id="key-twice",
    ),
    pytest.param(
        "budgets.yml",
        "id: company-ai, scope",
        "id: search, scope",
        "budgets[1].id: the budget 'search' appears twice. Rename or remove one",
        id="name-twice",
    ),
    pytest.param(
        "budgets.yml",
        "scope: {level: company}, amount: 95000",
        "amount: 95000",
        "budgets[0]: the setting 'scope' is missing. Add 'scope' beside id, amount",
        id="missing",
    ),
    pytest.param(
        "budgets.yml",
        "{level: company}",
        "{level: company, value: us}",
        "budgets[0].scope.value: level company has no value. Remove value, or choose another level",
        id="company-with-value",
    ),
    pytest.param(
        "budgets.yml",
        "{level: team, value: search}",
        "{level: team}",
        "budgets[1].scope: level team needs a value. Add value: and the name of the team",
        id="team-without-value",
    ),
    pytest.param(
        "budgets.yml",
        "{level: team, value: search}",
        "{level: tam, value: search}",
        "budgets[1].scope.level: 'tam' is not a value that is allowed here. Did you mean 'team'?",
        id="choice",
    ),
    pytest.param(
        "budgets.yml",
        "{level: team, value: search}",
        "{level: team, value: serach}",
        "budgets[1].scope.value: no team 'serach' in tags.yml. Did you mean 'search'? Otherwise add it to tags.yml",
        id="unknown-team",
    ),
    pytest.param(
        "budgets.yml",
        "amount: 95000",
        "amount: 95000, currency: Euro",
        "budgets[0].currency: 'Euro' is not a currency. Use an ISO 4217 code such as USD or EUR",
        id="currency",
    ),
    pytest.param(
        "budgets.yml",
        "amount: 95000",
        "amount: 95000, alert_at: [80]",
        "budgets[0].alert_at[0]: the value should be less than or equal to 10. "
        "Correct the value; docs/configuration.md says what each setting means",
        id="percent-for-share",
    ),
    pytest.param(
        "budgets.yml",
        "amount: 95000",
        "amount: 95000, valid_from: 2026-02-30",
        "budgets[0].valid_from: a date expected, found text. Write it like 2026-10-20",
        id="no-such-day",
    ),
    pytest.param(
        "sources.yml",
        "type: prometheus",
        "type: promethius",
        "sources[2].type: unknown type 'promethius'. Did you mean 'prometheus'?",
        id="unknown-type",
    ),
    pytest.param(
        "sources.yml",
        "    type: prometheus\n",
        "",
        "sources[2]: the setting 'type' is missing. Add 'type'; docs/configuration.md lists what it can be",
        id="no-type",
    ),
    pytest.param(
        "sources.yml",
        "region: swedencentral",
        "regoin: swedencentral",
        "sources[1]: the setting 'region' is missing. Add 'region' beside id, type, regoin",
        id="inside-a-tagged-entry",
    ),
    pytest.param(
        "sources.yml",
        "fiscal_year_first_month: 7",
        "fiscal_year_first_month: July",
        "fiscal_year_first_month: a whole number expected, found text. Write it like 5",
        id="whole-number",
    ),
    pytest.param(
        "tags.yml",
        "cost_center: CC-1010",
        "cost_center: 1010",
        "teams[0].cost_center: text expected, found the number 1010. Put quotes around it",
        id="text-that-looks-like-a-number",
    ),
    pytest.param(
        "tags.yml",
        'pattern: "/resourcegroups/rg-support/"',
        'pattern: "/resourcegroups/(rg-support"',
        "rules[1].pattern: not a regular expression: missing ), unterminated subpattern at position 16. "
        "Correct the pattern; in YAML, put it in double quotes and double its backslashes",
        id="pattern",
    ),
    pytest.param(
        "tags.yml",
        "{app: support-copilot, team: support}",
        "{app: support-copilot, team: robots}",
        "apps[1].team: no team 'robots' under teams. Add it there",
        id="app-of-nobody",
    ),
    pytest.param(
        "allocation.yml",
        "coverage_target: 0.95",
        "coverage_target: 95",
        "coverage_target: the value should be less than or equal to 1. "
        "Correct the value; docs/configuration.md says what each setting means",
        id="percent-for-ratio",
    ),
    pytest.param(
        "allocation.yml",
        "    driver: fixed\n    shares: {search: 4, support: 3}",
        "    driver: fixed",
        "pools[1]: fixed needs shares. Add them, such as shares: {search: 2, support: 1}",
        id="shares",
    ),
    pytest.param(
        "allocation.yml",
        "    driver: fixed\n    shares: {search: 4, support: 3}",
        "    look_back_days: 3\n    driver: even",
        "pools[1].look_back_days: driver: even has no day that lacks it. Remove look_back_days, or use a driver that "
        "is measured by day: usage_cost, tokens, requests, gpu_seconds, gpu_busy_seconds, sm_active_seconds, "
        "provisioned_units",
        id="look-back-of-no-day",
    ),
    pytest.param(
        "allocation.yml",
        "    driver: fixed\n    shares: {search: 4, support: 3}",
        "    to_pools: true\n    driver: tokens",
        "pools[1].to_pools: driver: tokens does not know what pools cost. "
        "Use driver: direct_cost or cost_so_far, or remove to_pools",
        id="pools-without-cost",
    ),
    pytest.param(
        "allocation.yml",
        "    driver: fixed\n    shares: {search: 4, support: 3}",
        "    to_pools: true\n    driver: direct_cost\n    step: 3",
        "pools[1].to_pools: no step comes after 3. Give the pool a step before 3, or remove to_pools",
        id="pools-after-the-last-step",
    ),
    pytest.param(
        "allocation.yml",
        '    resource_id: "/searchservices/srch-shared$"\n',
        "",
        'pools[1]: no pattern. Add at least one, such as resource_id: "/accounts/aoai-gateway$"',
        id="pool-of-nothing",
    ),
    pytest.param(
        "allocation.yml",
        "support: 3}",
        "suport: 3}",
        "pools[1].shares.suport: no team 'suport' in tags.yml. Did you mean 'support'? Otherwise add it to tags.yml",
        id="share-of-nobody",
    ),
    pytest.param(
        "guardrails.yml",
        "{kind: pause, route: platform-hook}",
        "{kind: pause, route: nowhere}",
        "policies[0].levels[1].do[1].route: no route 'nowhere' in routing.yml. Known: platform-hook, teams-finops",
        id="route",
    ),
    pytest.param(
        "guardrails.yml",
        "never_touch: [support-copilot, search]",
        "never_touch: [support-copiolt, search]",
        "policies[0].never_touch[0]: no scope 'support-copiolt' in tags.yml, budgets.yml or prices.yml. "
        "Did you mean 'support-copilot'? Otherwise add it to tags.yml, budgets.yml or prices.yml",
        id="protection-that-protects-nobody",
    ),
    pytest.param(
        "guardrails.yml",
        "clear_below: 0.95",
        "clear_below: 1.0",
        "policies[0].clear_below: clear_below is not below pause. Lower clear_below below 1.0",
        id="no-hysteresis",
    ),
    pytest.param(
        "guardrails.yml",
        "level: warn, at: 0.8",
        "level: warn, at: 1.0",
        "policies[0].levels[1].at: warn and pause do not rise. Raise at of pause, or remove one of them",
        id="levels-that-do-not-rise",
    ),
    pytest.param(
        "guardrails.yml",
        "level: pause, at: 1.0",
        "level: warn, at: 1.0",
        "policies[0].levels[1].do[1].kind: level warn does pause. Move it to a level pause, or do no more than warn",
        id="a-level-that-does-too-much",
    ),
    pytest.param(
        "guardrails.yml",
        "level: warn, at: 0.8, do:",
        "level: stop, at: 0.8, do:",
        "policies[0].levels[1].level: pause comes after stop. Write them in the order warn, throttle, pause, stop",
        id="levels-in-another-order",
    ),
    pytest.param(
        "guardrails.yml",
        "{level: warn, at: 0.8,",
        "{level: warn, at: 0.8, approvals: 1,",
        "policies[0].levels[0].approvals: level warn only tells people: approvals means nothing. Remove approvals, or "
        "add an order to do:",
        id="approval-of-nothing",
    ),
    pytest.param(
        "guardrails.yml",
        "do: [{kind: notify, route: teams-finops}, {kind: pause, route: platform-hook}]",
        "do: []",
        "policies[0].levels[1]: level pause does nothing. Add do: with a notify, and an order such as "
        "{kind: pause, route: …}",
        id="a-level-that-does-nothing",
    ),
    pytest.param(
        "guardrails.yml",
        "{kind: pause, route: platform-hook}",
        "{kind: pause, route: teams-finops}",
        "policies[0].levels[1].do[1].route: pause goes to 'teams-finops', which only tells people (teams). "
        "Name a route that can act, such as one of kind webhook",
        id="an-order-that-nobody-carries-out",
    ),
    pytest.param(
        "guardrails.yml",
        "clear_after: 2",
        "only_touch: [search]",
        "policies[0].only_touch: search is in never_touch and in only_touch. Name each target in one of them",
        id="both-lists",
    ),
    pytest.param(
        "guardrails.yml",
        "clear_after: 2",
        'acts_when: {time_zone: Europe/Berlin, from: "18:00", to: "08:00"}',
        "policies[0].acts_when.to: from 18:00 is not before to 08:00. "
        "Let from be earlier than to; hours past midnight cannot be said",
        id="hours-past-midnight",
    ),
    pytest.param(
        "guardrails.yml",
        "clear_after: 2",
        "acts_when: {from: 8}",
        "policies[0].acts_when.from: text expected, found the number 8. Put quotes around it",
        id="hours-without-quotes",
    ),
    pytest.param(
        "guardrails.yml",
        "clear_after: 2",
        "expires_on: soon",
        "policies[0].expires_on: a date expected, found text. Write it like 2026-10-20",
        id="an-end-that-is-no-date",
    ),
    pytest.param(
        "events.yml",
        "holidays: [US]",
        "holidays: [USA]",
        "holidays[0]: not a country code. Use an ISO 3166 code such as US or DE",
        id="country",
    ),
    pytest.param(
        "events.yml",
        "holidays: [US]",
        "holidays: US",
        "holidays: a list expected, found text. Write it like [one, two]",
        id="list",
    ),
    pytest.param(
        "routing.yml",
        "undelivered], route: teams-finops",
        "undelivered], route: teams",
        "rules[1].route: no route 'teams' under routes. Known: platform-hook, teams-finops",
        id="rule-route",
    ),
    pytest.param(
        "routing.yml",
        "undelivered], route: teams-finops",
        "undelivered], route: platform-hook, how: digest",
        "rules[1].route: route 'platform-hook' does not fit here. Routes that do: teams-finops",
        id="rule-digest-for-a-program",
    ),
    pytest.param(
        "routing.yml",
        "undelivered], route: teams-finops",
        "undelivered], route: teams-finops, how: ticket, repeat_hours: 4",
        "rules[1].repeat_hours: repeat_hours is of pages, and this rule's how is ticket. Remove it",
        id="rule-repeated-ticket",
    ),
    pytest.param(
        "routing.yml",
        "url_env: AIFINOPS_TEAMS_URL}",
        "url_env: AIFINOPS_TEAMS_URL, fallback: teams-finops}",
        "routes[0].fallback: route 'teams-finops' does not fit here. Routes that do: none",
        id="route-falls-back-to-itself",
    ),
]


@pytest.mark.ids("GUARD-1", "BUD-1", "ING-9")
@pytest.mark.parametrize(("name", "old", "new", "expected"), CASES)
def test_a_mistake_is_explained(folder: Path, name: str, old: str, new: str, expected: str) -> None:
    line = replace(folder, name, old, new)
    if name == "budgets.yml" and "twice. Rename" in expected:
        line = line_of(folder, name, "{level: team, value: search}")
    if "is missing. Add" in expected and name == "sources.yml":
        line = line_of(folder, name, "- id: gpu-cluster" if "'type'" in expected else "- id: azure-openai-metrics")
    if "levels[1]" in expected and "level: warn" in old:
        line = line_of(folder, name, "level: pause")
    if expected.startswith("pools[1]:"):
        line = line_of(folder, name, "- id: vector-store")
    assert f"{name}:{line}: {expected.replace('{line}', str(line))}" in problems(folder)


@pytest.mark.ids("OPS-1")
def test_where_dagster_is_must_be_an_address(folder: Path) -> None:
    write(folder, "portal.yml", "dagster_url: dagster.example.com\n")
    expected = "dagster_url: not the address of a web page. Write it like https://dagster.example.com"
    assert problems(folder) == [f"portal.yml:1: {expected}"]


@pytest.mark.ids("SEC-2")
def test_a_secret_in_the_wrong_place_is_refused_and_not_repeated(folder: Path) -> None:
    line = replace(folder, "routing.yml", "url_env: AIFINOPS_TEAMS_URL", "url_env: 'https://x.example/?sig=s3cr3t'")
    [problem] = problems(folder)
    assert problem == (
        f"routing.yml:{line}: routes[0].url_env: not the name of an environment variable. "
        "Put the value into the environment and write the variable's name here, such as AIFINOPS_TEAMS_URL"
    )
    assert "s3cr3t" not in problem


@pytest.mark.ids("ING-10")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "events.yml:1: the file is empty. Copy it from the project's config folder"),
        (b"# only a comment\n", "events.yml:1: the file is empty. Copy it from the project's config folder"),
        (b"a: b\n\xff\n", "events.yml:2: not UTF-8 text. Save the file with the encoding UTF-8"),
        (
            b"holidays: []\nevents: \x07\n",
            "events.yml:2: not valid YAML: the character U+0007 is not allowed. Remove it",
        ),
        (
            b"holidays: [US\nevents: []\n",
            "events.yml:2: not valid YAML: expected ',' or ']', but got ':'. "
            "Check indentation and quotes near that line",
        ),
        (
            b"- one\n",
            "events.yml:1: settings expected, found a list. Write them as name: value, one a line",
        ),
        (
            b"holidays: !!python/object:os.system []\n",
            "events.yml:1: not valid YAML: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object:os.system'. Check indentation and quotes near that line",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(folder: Path, content: bytes, expected: str) -> None:
    (folder / "events.yml").write_bytes(content)
    assert problems(folder) == [expected]


@pytest.mark.ids("ING-10")
def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "budgets.yml").unlink()
    assert problems(folder) == [
        "budgets.yml:1: the file does not exist. Copy it from the project's config folder",
    ]


@pytest.mark.ids("ING-8", "ING-3")
def test_variables_that_are_missing_or_empty_are_all_named(folder: Path) -> None:
    write(
        folder,
        "sources.yml",
        "# ${SECOND} in a comment is no use\nsources:\n  - id: usage\n    type: usage_files\n"
        "    url: ${FIRST}/usage\n    mapping: ${SECOND}  # ${THIRD}\n",
    )
    source = load_configuration(folder).sources.sources[0]
    with pytest.raises(ConfigError) as caught:
        resolve_variables(source, {"FIRST": ""}, folder)
    remedy = "Set it (.env.example lists all variables), write the value here, or add enabled: false"
    assert [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems] == [
        f"sources.yml:5: usage: the environment variable FIRST is not set. {remedy}",
        f"sources.yml:6: usage: the environment variable SECOND is not set. {remedy}",
    ]
    filled = resolve_variables(source, {"FIRST": "/data", "SECOND": "map.yml"}, folder)
    assert (filled.url, filled.mapping) == ("/data/usage", "map.yml")  # type: ignore[union-attr]


@pytest.mark.ids("ING-3")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("columns: {usage_at: t, input_tokens: i, model: m}", "1: columns: provider_name is missing. "),
        ("columns: {input_tokens: i}", "1: columns: usage_at is missing. "),
        (
            "columns: {usage_at: t, model: m}\nconstants: {provider_name: openai}",
            "1: columns: neither input_tokens nor output_tokens is there to be priced. ",
        ),
        (
            "columns: {usage_at: t, input_tokens: i, model: m}\nconstants: {model: m, provider_name: openai}",
            "2: constants.model: model is under columns as well. ",
        ),
        ("columns: {usage_at: t, inptu_tokens: i}", "1: columns.inptu_tokens: 'inptu_tokens' is not a value that is "),
    ],
)
def test_a_mapping_that_cannot_price_anything_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mapping.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_mapping(path)
    [problem] = caught.value.problems
    assert str(problem).startswith(f"{path}:{expected}")
    assert problem.remedy
