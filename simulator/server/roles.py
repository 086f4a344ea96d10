"""Azure role-based access control of the simulated organisation: who may do what where.

Here: built-in roles, role assignments, the decision, the permissions that a caller is told.
Not here: HTTP (``simulator.server.arm``).

Actions and GUIDs are those of Azure's built-in roles. A bearer token names its holder: ``simulated`` is the identity
that reads for the product, ``simulated-administrator`` owns the subscriptions, ``simulated:<object id>`` is anybody
else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from simulator import organisation as org
from simulator.randomness import stable_uuid

READER_ID = "aaaaaaaa-0000-4000-8000-000000000001"
ADMINISTRATOR_ID = "aaaaaaaa-0000-4000-8000-0000000000ad"
READER_TOKEN = "simulated"  # noqa: S105 - everybody may know it
ADMINISTRATOR_TOKEN = "simulated-administrator"  # noqa: S105
_PREFIX = "/providers/Microsoft.Authorization/roleDefinitions/"


@dataclass(frozen=True)
class Role:
    """A built-in role; a pattern's ``*`` stands for anything."""

    guid: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def permission(self) -> dict[str, Any]:
        return {
            "actions": list(self.actions),
            "notActions": list(self.not_actions),
            "dataActions": list(self.data_actions),
            "notDataActions": [],
            "condition": None,
            "conditionVersion": None,
        }

    def grants(self, action: str) -> bool:
        if any(_covers(pattern, action) for pattern in self.data_actions):
            return True
        granted = any(_covers(pattern, action) for pattern in self.actions)
        return granted and not any(_covers(pattern, action) for pattern in self.not_actions)


_BLOB = "Microsoft.Storage/storageAccounts/blobServices"
ROLES = {
    role.guid: role
    for role in (
        Role(
            "72fafb9e-0641-4937-9268-a91bfd8191a3",
            "Cost Management Reader",
            (
                "Microsoft.Consumption/*/read",
                "Microsoft.CostManagement/*/read",
                "Microsoft.Billing/billingPeriods/read",
                "Microsoft.Resources/subscriptions/read",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "Microsoft.Support/*",
                "Microsoft.Advisor/configurations/read",
                "Microsoft.Advisor/recommendations/read",
                "Microsoft.Management/managementGroups/read",
                "Microsoft.Billing/billingProperty/read",
            ),
        ),
        Role(
            "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
            "Monitoring Reader",
            ("*/read", "Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.Support/*"),
        ),
        Role(
            "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            "Storage Blob Data Reader",
            (f"{_BLOB}/containers/read", f"{_BLOB}/generateUserDelegationKey/action"),
            data_actions=(f"{_BLOB}/containers/blobs/read",),
        ),
        Role(
            "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            "Storage Blob Data Contributor",
            (
                f"{_BLOB}/containers/delete",
                f"{_BLOB}/containers/read",
                f"{_BLOB}/containers/write",
                f"{_BLOB}/generateUserDelegationKey/action",
            ),
            data_actions=tuple(
                f"{_BLOB}/containers/blobs/{verb}" for verb in ("delete", "read", "write", "move/action", "add/action")
            ),
        ),
        Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", ("*/read",)),
        Role(
            "b24988ac-6180-42a0-ab88-20f7382dd24c",
            "Contributor",
            ("*",),
            (
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
                "Microsoft.Blueprint/blueprintAssignments/write",
                "Microsoft.Blueprint/blueprintAssignments/delete",
            ),
        ),
        Role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", ("*",)),
    )
}


@dataclass(frozen=True)
class Assignment:
    """A role for a principal at a scope and everything below it."""

    name: str
    scope: str
    role: Role
    principal_id: str
    principal_type: str

    @property
    def id(self) -> str:
        return f"{self.scope}/providers/Microsoft.Authorization/roleAssignments/{self.name}"

    def applies_to(self, scope: str) -> bool:
        return f"{scope.lower()}/".startswith(f"{self.scope.lower()}/")

    def document(self) -> dict[str, Any]:
        subscription = self.scope.split("/")[2]
        return {
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": f"/subscriptions/{subscription}{_PREFIX}{self.role.guid}",
                "principalId": self.principal_id,
                "principalType": self.principal_type,
                "scope": self.scope,
                "condition": None,
            },
        }


def role_of(definition_id: str) -> Role | None:
    """The built-in role of a role definition's id, in any case."""
    guid = definition_id.lower().rpartition("/roledefinitions/")[2]
    return ROLES.get(guid)


def caller_of(authorization: str) -> str | None:
    """Object id of a bearer token's holder; None where nobody holds it."""
    token = authorization.partition(" ")[2] if authorization.lower().startswith("bearer ") else ""
    if token == READER_TOKEN:
        return READER_ID
    if token == ADMINISTRATOR_TOKEN:
        return ADMINISTRATOR_ID
    name, _, principal = token.partition(":")
    return principal if name == READER_TOKEN and principal else None


def first_assignments(container_id: str) -> list[Assignment]:
    """Who has what when the organisation starts: the reader reads, the administrator owns."""
    by_name = {role.name: role for role in ROLES.values()}
    found = []
    for subscription in org.SUBSCRIPTIONS:
        scope = f"/subscriptions/{subscription}"
        found += [
            _assignment(scope, by_name["Cost Management Reader"], READER_ID),
            _assignment(scope, by_name["Monitoring Reader"], READER_ID),
            _assignment(scope, by_name["Owner"], ADMINISTRATOR_ID),
        ]
    return [*found, _assignment(container_id, by_name["Storage Blob Data Reader"], READER_ID)]


def _assignment(scope: str, role: Role, principal: str) -> Assignment:
    return Assignment(stable_uuid("role", scope, role.guid, principal), scope, role, principal, "ServicePrincipal")


def _covers(pattern: str, action: str) -> bool:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(expression, action, re.IGNORECASE) is not None
