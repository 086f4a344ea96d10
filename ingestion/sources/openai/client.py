"""Asking OpenAI: the organisation's usage and costs, and the names of its projects and keys.

Here: addresses, parameters and limits.
Not here: requests and retries (``ingestion.model_apis``), windows (``source``) and what answers mean (``rows``).
Source: OpenAI's API reference, "Usage" and "Costs" under administration. Times are Unix seconds, lists are repeated
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from finops.config.usage_sources import OpenAiSource
from ingestion.model_apis import MOST_BUCKETS, Api, ApiClient, Bucket, Name, text
from ingestion.windows import Window

API = Api(
    endpoint="https://api.openai.com/v1",
    key_header=None,
    headers={},
    key_remedy="Create an admin key (platform.openai.com, Settings, Organization, Admin keys): a project's key cannot "
    "read the organisation's usage",
    permission_remedy="Let the admin key read usage (api.usage.read) and, for names, projects (api.management.read)",
    cursor_of_list="after",
)
_FINE_ENDPOINTS = frozenset(("completions", "embeddings"))
"""Those that count tokens which cost something. For the others days are enough."""
_GROUPS = {
    "completions": ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier"),
    "embeddings": ("project_id", "user_id", "api_key_id", "model"),
    "moderations": ("project_id", "user_id", "api_key_id", "model"),
    "images": ("project_id", "user_id", "api_key_id", "model"),
    "audio_speeches": ("project_id", "user_id", "api_key_id", "model"),
    "audio_transcriptions": ("project_id", "user_id", "api_key_id", "model"),
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
}
_MOST_COST_DAYS = 180
_ITEMS_PER_PAGE = 100


def open_client(source: OpenAiSource, environ: Mapping[str, str]) -> ApiClient:
    return ApiClient(API, source, environ)


def width_of(source: OpenAiSource, endpoint: str) -> str:
    return source.bucket_width if endpoint in _FINE_ENDPOINTS else "1d"


def usage(client: ApiClient, source: OpenAiSource, endpoint: str, window: Window) -> Iterator[Bucket]:
    """Buckets of a usage endpoint."""
    width = width_of(source, endpoint)
    parameters: dict[str, object] = {
        "start_time": int(window.start.timestamp()),
        "end_time": int(window.end.timestamp()),
        "bucket_width": width,
        "group_by": [group for group in source.group_by if group in _GROUPS[endpoint]],
        "limit": MOST_BUCKETS[width],
    }
    return client.buckets(f"organization/usage/{endpoint}", parameters)


def costs(client: ApiClient, source: OpenAiSource, window: Window) -> Iterator[Bucket]:
    """Daily buckets of what is billed."""
    parameters: dict[str, object] = {
        "start_time": int(window.start.timestamp()),
        "end_time": int(window.end.timestamp()),
        "bucket_width": "1d",
        "group_by": list(source.cost_group_by),
        "limit": _MOST_COST_DAYS,
    }
    return client.buckets("organization/costs", parameters)


def names(client: ApiClient) -> Iterator[Name]:
    """Projects and their API keys. Archived ones have past usage. Owners, who are people, are left behind."""
    projects = list(client.items("organization/projects", {"limit": _ITEMS_PER_PAGE, "include_archived": "true"}))
    for project in projects:
        identifier = str(project["id"])
        yield Name("project", identifier, text(project, "name") or identifier, None)
    for project in projects:
        path = f"organization/projects/{project['id']}/api_keys"
        for key in client.items(path, {"limit": _ITEMS_PER_PAGE}):
            yield Name("api_key", str(key["id"]), text(key, "name") or str(key["id"]), str(project["id"]))
