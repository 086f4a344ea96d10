"""What an identity may do at a scope in Azure, and whether that is more than reading.

Here: reading the caller's permissions, judging them.
Not here: giving permissions (``connect``).

Source: ``Microsoft.Authorization/permissions`` lists, for the caller and a scope, one entry per role that applies
there, inherited ones included: actions, notActions, dataActions, notDataActions, each with ``*`` for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ingestion.azure.arm import AUTHORIZATION_VERSION, RESOURCES_VERSION, Arm, ArmError
from ingestion.azure.connect import find_account
from ingestion.probe import Finding

# Built-in reading roles contain these: they ask, open support cases or make keys that read no more than their holder.
_HARMLESS = (
    "*/read",
    "Microsoft.Support/*",
    "Microsoft.CostManagement/query/*",
    "Microsoft.CostManagement/forecast/*",
    "Microsoft.CostManagement/generateCostDetailsReport/action",
    "Microsoft.OperationalInsights/workspaces/search/action",
    "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
)
READ_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
READ_METRICS = "Microsoft.Insights/metrics/read"
_SHOWN = 3
_MOST_SUBSCRIPTIONS = 20


def permissions_at(arm: Arm, scope: str) -> list[dict[str, Any]]:
    """The caller's permissions at a scope.

    Raises:
        ArmError: Azure refused or did not answer.
    """
    return arm.values(f"{scope.rstrip('/')}/providers/Microsoft.Authorization/permissions", AUTHORIZATION_VERSION)


def excess(permissions: Iterable[dict[str, Any]]) -> list[str]:
    """Patterns that grant more than reading, the widest first."""
    found: set[str] = set()
    for entry in permissions:
        for granted, refused in (("actions", "notActions"), ("dataActions", "notDataActions")):
            taken_back = entry.get(refused) or []
            found.update(
                pattern
                for pattern in entry.get(granted) or []
                if not _is_harmless(pattern) and not any(_covers(other, pattern) for other in taken_back)
            )
    return sorted(found, key=lambda pattern: (pattern != "*", pattern.count("/"), pattern.lower()))


def grants(permissions: Iterable[dict[str, Any]], action: str, *, is_data: bool) -> bool:
    """Whether an action is granted; one role's exceptions do not take back what another role grants."""
    granted, refused = ("dataActions", "notDataActions") if is_data else ("actions", "notActions")
    return any(
        any(_covers(pattern, action) for pattern in entry.get(granted) or [])
        and not any(_covers(pattern, action) for pattern in entry.get(refused) or [])
        for entry in permissions
    )


def judge(arm: Arm, scopes: Iterable[str], action: str, *, is_data: bool, role: str) -> Iterator[Finding]:
    """One finding about reading and no more, over all scopes; ``role`` is the one that is enough."""
    lacking, more, wide = [], [], []
    names = []
    for scope in scopes:
        names.append(scope)
        try:
            found = permissions_at(arm, scope)
        except ArmError as error:
            yield _unknown(error, scope, role)
            return
        if not grants(found, action, is_data=is_data):
            lacking.append(scope)
        beyond = excess(found)
        if beyond:
            more.append(scope)
            wide += [pattern for pattern in beyond if pattern not in wide]
    if lacking:
        yield Finding(
            "permitted",
            "failed",
            f"may not read {_short(lacking[0])}{_others(lacking)}",
            f"Give the identity the role {role}; aifinops connect azure does it, or\n"
            f'az role assignment create --role "{role}" --assignee <identity> \\\n'
            f"  --scope {lacking[0]}",
        )
    if more:
        shown = ", ".join(wide[:_SHOWN]) + (", …" if len(wide) > _SHOWN else "")
        yield Finding(
            "permitted",
            "warning",
            f"more than read-only at {_short(more[0])}{_others(more)}: {shown}",
            f"Take that role away from the identity; {role} is enough. What it holds:\n{_list_roles(more[0])}",
        )
    if names and not lacking and not more:
        yield Finding("permitted", "ok", f"reads and no more ({role})")


def _unknown(error: ArmError, scope: str, role: str) -> Finding:
    return Finding(
        "permitted",
        "unknown",
        f"what it may do at {_short(scope)} cannot be seen: {error}",
        f"Check by hand that the identity holds {role} and nothing else:\n{_list_roles(scope)}",
    )


def _list_roles(scope: str) -> str:
    return f"az role assignment list --assignee <identity> --include-inherited \\\n  --scope {scope}"


def _short(scope: str) -> str:
    """The last name of a resource id, with its kind where it is a container or a subscription."""
    parts = scope.strip("/").split("/")
    if len(parts) == 2:
        return f"subscription {parts[1][:8]}…"
    return f"container {parts[-1]}" if parts[-2].lower() == "containers" else parts[-1]


def _others(scopes: list[str]) -> str:
    return f" and {len(scopes) - 1} more" if len(scopes) > 1 else ""


def _is_harmless(pattern: str) -> bool:
    return pattern.lower().endswith("/read") or any(_covers(known, pattern) for known in _HARMLESS)


def _covers(pattern: str, action: str) -> bool:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, action, re.IGNORECASE) is not None


def container_id(arm: Arm, account: str, container: str) -> str | None:
    """Resource id of a container, looked for in the subscriptions that the caller sees; None where none shows it.

    Raises:
        ArmError: the subscriptions cannot be listed.
    """
    for subscription in arm.values("/subscriptions", RESOURCES_VERSION)[:_MOST_SUBSCRIPTIONS]:
        try:
            found = find_account(arm, str(subscription["subscriptionId"]), account)
        except ArmError:
            continue  # a subscription that does not show its accounts may still not be the one
        if found is not None:
            return f"{found}/blobServices/default/containers/{container}"
    return None
