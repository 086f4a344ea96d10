"""Asking Anthropic: the organisation's usage and cost reports, and the names of its workspaces and keys.

Here: addresses, parameters and limits.
Not here: requests and retries (``ingestion.model_apis``), windows (``source``) and what answers mean (``rows``).
Source: Anthropic's documentation, "Usage and Cost API" and "Admin API". Times are RFC 3339, lists are parameters that
end in ``[]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from finops.config.usage_sources import AnthropicSource
from ingestion.model_apis import MOST_BUCKETS, Api, ApiClient, Bucket, Name, text
from ingestion.windows import Window

API = Api(
    endpoint="https://api.anthropic.com/v1",
    key_header="x-api-key",
    headers={"anthropic-version": "2023-06-01"},
    key_remedy="An administrator of the organisation creates an Admin API key (sk-ant-admin…) in the console, "
    "Settings, Admin keys: a workspace's key cannot read reports",
    permission_remedy="Let the Admin API key read usage and cost reports and, for names, workspaces and API keys",
    cursor_of_list="after_id",
)
_ITEMS_PER_PAGE = 1000
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def open_client(source: AnthropicSource, environ: Mapping[str, str]) -> ApiClient:
    return ApiClient(API, source, environ)


def usage(client: ApiClient, source: AnthropicSource, window: Window) -> Iterator[Bucket]:
    """Buckets of the messages usage report."""
    parameters: dict[str, object] = {
        "starting_at": window.start.strftime(_FORM),
        "ending_at": window.end.strftime(_FORM),
        "bucket_width": source.bucket_width,
        "group_by[]": list(source.group_by),
        "limit": MOST_BUCKETS[source.bucket_width],
    }
    return client.buckets("organizations/usage_report/messages", parameters)


def costs(client: ApiClient, window: Window) -> Iterator[Bucket]:
    """Daily buckets of what is billed."""
    parameters: dict[str, object] = {
        "starting_at": window.start.strftime(_FORM),
        "ending_at": window.end.strftime(_FORM),
        "bucket_width": "1d",
        "group_by[]": ["workspace_id", "description"],
        "limit": MOST_BUCKETS["1d"],
    }
    return client.buckets("organizations/cost_report", parameters)


def names(client: ApiClient) -> Iterator[Name]:
    """Workspaces and API keys. Archived ones have past usage. Who created a key, and its hint, are left behind."""
    for item in client.items("organizations/workspaces", {"limit": _ITEMS_PER_PAGE, "include_archived": "true"}):
        yield Name("workspace", str(item["id"]), text(item, "name") or str(item["id"]), None)
    for item in client.items("organizations/api_keys", {"limit": _ITEMS_PER_PAGE}):
        yield Name("api_key", str(item["id"]), text(item, "name") or str(item["id"]), text(item, "workspace_id"))
