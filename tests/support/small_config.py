"""A small, valid configuration whose text tests may change.

Here: one text per file, and writing them. Not the project's own ``config/``: that changes with the product.
Not here: what a change does (the tests).
"""

from __future__ import annotations

from pathlib import Path

FILES = {
    "sources": """\
# Where facts come from.
fiscal_year_first_month: 7
sources:
  - id: azure-exports
    type: azure_exports
    url: ${EXPORTS_URL}
  - id: azure-openai-metrics
    type: azure_monitor
    region: swedencentral
    resources: [/subscriptions/1/resourceGroups/a/providers/Microsoft.CognitiveServices/accounts/b]
  - id: gpu-cluster
    type: prometheus
    url: http://127.0.0.1:9090
""",
    "tags": """\
rules:
  - {id: team-tag, dimension: team, match: tag, keys: [team, owner_team]}
  - {id: support-by-name, dimension: team, match: resource_id, pattern: "/resourcegroups/rg-support/", value: support}
teams:
  - {team: search, business_unit: commerce, cost_center: CC-1010}
  - {team: support, business_unit: commerce, cost_center: CC-1020}
  - {team: platform, business_unit: corporate, cost_center: CC-3020}
apps:
  - {app: product-search, team: search}
  - {app: support-copilot, team: support}
""",
    "allocation": """\
coverage_target: 0.95
ai_categories:
  - {id: azure-openai, category: inference, resource_id: "/microsoft.cognitiveservices/accounts/"}
pools:
  - id: llm-gateway
    resource_id: "/accounts/aoai-gateway$"
    driver: usage_cost
    fallback: direct_cost
  - id: vector-store
    resource_id: "/searchservices/srch-shared$"
    driver: fixed
    shares: {search: 4, support: 3}
""",
    "prices": """\
models:
  - provider: azure.ai.openai
    model: gpt-4.1
    valid_from: 2024-01-01
    per_1m_tokens: {input_uncached: 2, cache_read: 0.5, output: 8}
    source: list
gpus:
  - {gpu_model: NVIDIA A10, valid_from: 2025-01-01, per_gpu_hour: 3.20, source: list}
""",
    "budgets": """\
budgets:
  - {id: company-ai, scope: {level: company}, amount: 95000}
  - {id: search, scope: {level: team, value: search}, amount: 12000}
  - {id: support, scope: {level: team, value: support}, amount: 16000}
""",
    "guardrails": """\
policies:
  - id: monthly-budget
    kind: budget
    description: A budget is nearly or fully used.
    owner: finops@example.com
    mode: dry_run
    levels:
      - {level: warn, at: 0.8, do: [{kind: notify, route: teams-finops}]}
      - {level: pause, at: 1.0, do: [{kind: notify, route: teams-finops}, {kind: pause, route: platform-hook}]}
    clear_below: 0.95
    clear_after: 2
    never_touch: [support-copilot, search]
""",
    "events": """\
holidays: [US]
events:
  - id: launch
    name: Launched to all markets
    starts_on: 2026-09-14
    ends_on: 2026-09-20
    scope: {level: app, value: product-search}
    effect: lasting
""",
    "routing": """\
routes:
  - {id: teams-finops, kind: teams, url_env: AIFINOPS_TEAMS_URL}
  - {id: platform-hook, kind: webhook, url_env: AIFINOPS_WEBHOOK_URL, secret_env: AIFINOPS_WEBHOOK_SECRET}
rules:
  - {id: incidents, kinds: [incident], min_severity: medium, route: teams-finops}
  - {id: operations, kinds: [run_failed, undelivered], route: teams-finops}
""",
}


def write_small_config(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder
