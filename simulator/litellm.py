"""The sandbox's LiteLLM proxy: its PostgreSQL database with spend logs, teams and keys.

Here: calls that add up to the hours of the sandbox account's bill, as LiteLLM logs them, with blobs that nobody should
land and a price fault to find.
Not here: the server (``simulator.postgres``).

Source of the tables: models ``LiteLLM_SpendLogs``, ``LiteLLM_TeamTable`` and ``LiteLLM_VerificationToken`` of LiteLLM's
schema.prisma; only the columns that tell of usage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from finops.periods import days
from simulator import organisation as org
from simulator.meters import TOKEN_MODELS
from simulator.postgres import OWNER, private_postgres
from simulator.randomness import stable_uuid, stream
from simulator.shapes import Integers
from simulator.usage import dedicated_hours

KEPT_DAYS = 14
"""The proxy's maximum_spend_logs_retention_period."""
PRICE_FIXED_DAYS_AGO = 5
"""Until then LiteLLM priced cached tokens like any other input."""
READER = "aifinops_reader"
APP = "model-sandbox"
_RESPONSE_CACHE_SHARE = 0.04
_FAILED_SHARE = 0.02
_REASONING_SHARE = 0.4

TABLES = """
create table "LiteLLM_TeamTable" (
    "team_id" text primary key, "team_alias" text, "spend" double precision not null default 0,
    "metadata" jsonb not null default '{}'
);
create table "LiteLLM_VerificationToken" (
    "token" text primary key, "key_name" text, "key_alias" text, "team_id" text, "user_id" text,
    "spend" double precision not null default 0, "metadata" jsonb not null default '{}'
);
create table "LiteLLM_CredentialsTable" ("credential_id" text primary key, "credential_values" jsonb not null);
create table "LiteLLM_SpendLogs" (
    "request_id" text primary key, "call_type" text not null, "api_key" text not null default '',
    "spend" double precision not null default 0, "total_tokens" integer not null default 0,
    "prompt_tokens" integer not null default 0, "completion_tokens" integer not null default 0,
    "startTime" timestamp(3) not null, "endTime" timestamp(3) not null, "request_duration_ms" integer,
    "completionStartTime" timestamp(3), "model" text not null default '', "model_id" text default '',
    "model_group" text default '', "custom_llm_provider" text default '', "api_base" text default '',
    "user" text default '', "metadata" jsonb default '{}', "cache_hit" text default '', "cache_key" text default '',
    "request_tags" jsonb default '[]', "team_id" text, "organization_id" text, "end_user" text,
    "requester_ip_address" text, "messages" jsonb default '{}', "response" jsonb default '{}', "session_id" text,
    "status" text, "mcp_namespaced_tool_name" text, "agent_id" text, "proxy_server_request" jsonb default '{}'
);
"""
# As LiteLLM has them; made after the rows are in.
INDEXES = """
create index on "LiteLLM_SpendLogs" ("startTime");
create index on "LiteLLM_SpendLogs" ("startTime", "request_id");
create index on "LiteLLM_SpendLogs" ("end_user");
create index on "LiteLLM_SpendLogs" ("session_id");
"""
_COLUMNS = (
    "request_id", "call_type", "api_key", "spend", "total_tokens", "prompt_tokens", "completion_tokens", "startTime",
    "endTime", "request_duration_ms", "completionStartTime", "model", "model_id", "model_group",
    "custom_llm_provider", "api_base", "user", "metadata", "cache_hit", "request_tags", "team_id", "end_user",
    "requester_ip_address", "messages", "response", "session_id", "status",
)  # fmt: skip

SANDBOX = next(account for account in org.ACCOUNTS if account.name == "aoai-sandbox")
API_BASE = "https://aoai-sandbox.openai.azure.com"


@dataclass(frozen=True)
class _Team:
    alias: str
    share: float
    features: tuple[str, ...]

    @property
    def id(self) -> str:
        return stable_uuid("litellm-team", self.alias)

    @property
    def key(self) -> str:
        """What LiteLLM keeps of a virtual key: its SHA-256."""
        return hashlib.sha256(f"virtual key of {self.alias}".encode()).hexdigest()


_TEAMS = (
    _Team("data-science", 0.55, ("notebook", "evaluation")),
    _Team("robotics", 0.25, ("planning",)),
    _Team("marketing", 0.20, ("copy", "translate")),
)


@contextmanager
def litellm_database(organisation: org.Parameters) -> Iterator[str]:
    """A server with the proxy's database, filled; yields the address for a user who may read the logs and names only.

    Raises:
        PostgresMissingError: PostgreSQL is not installed here, or cannot run here.
    """
    with private_postgres("litellm") as address:
        with psycopg.connect(address) as connection:
            create_tables(connection)
            copy_rows(connection, spend_logs(organisation))
            connection.execute(INDEXES)
            connection.execute('analyze "LiteLLM_SpendLogs"')
        yield address.replace(f"//{OWNER}@", f"//{READER}@", 1)


def parameters_of(directory: Path) -> org.Parameters:
    """The parameters that a generated folder was made from."""
    document = json.loads((directory / "organisation.json").read_text(encoding="utf-8"))
    as_of = datetime.fromisoformat(document["as_of"].replace("Z", "+00:00"))
    return org.Parameters(seed=document["seed"], scale=document["scale"], days=document["days"], as_of=as_of)


def create_tables(connection: psycopg.Connection[Any]) -> None:
    """Tables, teams, keys, and a role that may read what tells of usage."""
    connection.execute(TABLES)
    for team in _TEAMS:
        connection.execute(
            'insert into "LiteLLM_TeamTable" ("team_id", "team_alias") values (%s, %s)', (team.id, team.alias)
        )
        connection.execute(
            'insert into "LiteLLM_VerificationToken" ("token", "key_name", "key_alias", "team_id") '
            "values (%s, %s, %s, %s)",
            (team.key, f"sk-...{team.key[:4]}", f"{team.alias}-sandbox", team.id),
        )
    connection.execute(f"create role {READER} login")
    for table in ("LiteLLM_SpendLogs", "LiteLLM_TeamTable", "LiteLLM_VerificationToken"):
        connection.execute(f'grant select on "{table}" to {READER}')


def copy_rows(connection: psycopg.Connection[Any], rows: Iterator[dict[str, Any]]) -> int:
    """Write rows of the spend log; what a row does not name is the column's default."""
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    count = 0
    with connection.cursor() as cursor, cursor.copy(f'copy "LiteLLM_SpendLogs" ({columns}) from stdin') as copy:
        for row in rows:
            copy.write_row([row.get(name) for name in _COLUMNS])
            count += 1
    return count


def spend_logs(organisation: org.Parameters) -> Iterator[dict[str, Any]]:
    """Every call of the last days, in time order by hour."""
    first = max(organisation.first_day, organisation.today - timedelta(days=KEPT_DAYS))
    for day in days(first, organisation.today + timedelta(days=1)):
        for hours in dedicated_hours(organisation, day):
            if hours.account is not SANDBOX:
                continue
            rng = stream(organisation.seed, "litellm", day)
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            for hour in np.flatnonzero(hours.requests).tolist():
                yield from _hour(
                    rng,
                    organisation,
                    midnight + timedelta(hours=hour),
                    int(hours.requests[hour]),
                    (int(hours.input_tokens[hour]), int(hours.cached_tokens[hour]), int(hours.output_tokens[hour])),
                )


def _hour(
    rng: np.random.Generator, organisation: org.Parameters, start: datetime, count: int, tokens: tuple[int, int, int]
) -> Iterator[dict[str, Any]]:
    weights = rng.uniform(0.5, 1.5, count)
    inputs, cached, outputs = (_shares(total, weights) for total in tokens)
    cached = np.minimum(cached, inputs)
    teams = rng.choice(len(_TEAMS), count, p=[team.share for team in _TEAMS])
    millis = np.sort(rng.integers(0, 3_600_000, count))
    draws = rng.random((count, 3))
    users = rng.integers(0, 12, (count, 2))
    faulty = start < organisation.as_of - timedelta(days=PRICE_FIXED_DAYS_AGO)
    for i in range(count):
        team = _TEAMS[int(teams[i])]
        at = start + timedelta(milliseconds=int(millis[i]))
        counts = (int(inputs[i]), int(cached[i]), int(outputs[i]))
        call = _call(team, at, f"{start:%Y%m%d%H}-{i}", counts, users[i].tolist(), faulty=faulty)
        yield call
        if draws[i, 0] < _RESPONSE_CACHE_SHARE:
            yield _answered_by_the_proxy(call, at + timedelta(seconds=30))
        if draws[i, 1] < _FAILED_SHARE:
            yield _failed(call, at + timedelta(seconds=1))


def _shares(total: int, weights: Any) -> Integers:
    """A total in whole parts that add up to it."""
    edges = np.floor(np.cumsum(weights) / weights.sum() * total + 0.5).astype(np.int64)
    edges[-1] = total
    return np.diff(edges, prepend=0)


def _call(
    team: _Team, at: datetime, name: str, counts: tuple[int, int, int], people: list[int], *, faulty: bool
) -> dict[str, Any]:
    inputs, cached, outputs = counts
    model = TOKEN_MODELS["gpt-5.1"]
    price = {kind: float(model.price_per_1m(kind, at.date())) / 1e6 for kind in ("input", "cached", "output")}
    cached_price = price["input"] if faulty else price["cached"]
    seconds = 0.8 + outputs * 0.009
    usage = {
        "prompt_tokens": inputs,
        "completion_tokens": outputs,
        "total_tokens": inputs + outputs,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": int(outputs * _REASONING_SHARE)},
        "service_tier": "default",
    }
    metadata = {
        "status": "success",
        "user_api_key_alias": f"{team.alias}-sandbox",
        "user_api_key_team_alias": team.alias,
        "user_api_key_user_id": f"scientist{people[0]}@example.com",
        "requester_ip_address": f"10.20.30.{people[0]}",
        "model_map_information": {"model_map_key": "azure/gpt-5.1"},
        "usage_object": usage,
        "attempted_retries": 1 if people[1] == 0 else 0,
    }
    return {
        "request_id": f"chatcmpl-{stable_uuid('litellm', name)}",
        "call_type": "acompletion",
        "api_key": team.key,
        "spend": (inputs - cached) * price["input"] + cached * cached_price + outputs * price["output"],
        "total_tokens": inputs + outputs,
        "prompt_tokens": inputs,
        "completion_tokens": outputs,
        "startTime": at.replace(tzinfo=None),
        "endTime": (at + timedelta(seconds=seconds)).replace(tzinfo=None),
        "request_duration_ms": int(seconds * 1000),
        "completionStartTime": (at + timedelta(seconds=0.6)).replace(tzinfo=None),
        "model": "gpt-5.1",
        "model_id": stable_uuid("litellm-deployment", "sandbox"),
        "model_group": "sandbox-large",
        "custom_llm_provider": "azure",
        "api_base": f"{API_BASE}/openai/deployments/gpt-5.1/chat/completions?api-version=2025-03-01-preview",
        "user": f"scientist{people[0]}@example.com",
        "metadata": json.dumps(metadata),
        "cache_hit": "False",
        "request_tags": json.dumps(
            [f"app:{APP}", f"feature:{team.features[people[1] % len(team.features)]}", "User-Agent: openai-python"]
        ),
        "team_id": team.id,
        "end_user": f"customer-{people[1] + 1:04d}",
        "requester_ip_address": f"10.20.30.{people[0]}",
        "messages": json.dumps([{"role": "user", "content": "Write to scientist@example.com about the trial"}]),
        "response": json.dumps({"choices": [{"message": {"content": "Dear colleague, …"}}]}),
        "session_id": stable_uuid("litellm-session", name),
        "status": "success",
    }


def _answered_by_the_proxy(call: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The same question again: the proxy's own cache answers, tokens are logged, and nobody is paid."""
    moment = at.replace(tzinfo=None)
    return call | {
        "request_id": f"{call['request_id']}-cached",
        "spend": 0.0,
        "startTime": moment,
        "endTime": moment,
        "completionStartTime": None,
        "cache_hit": "True",
    }


def _failed(call: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A call that the account refused."""
    moment = at.replace(tzinfo=None)
    metadata = {
        "status": "failure",
        "error_information": {"error_code": "429", "error_class": "RateLimitError", "llm_provider": "azure"},
    }
    return call | {
        "request_id": f"{call['request_id']}-failed",
        "spend": 0.0,
        "total_tokens": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "startTime": moment,
        "endTime": moment,
        "completionStartTime": None,
        "metadata": json.dumps(metadata),
        "status": "failure",
    }
