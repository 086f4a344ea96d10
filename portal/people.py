"""Who somebody is, and what they were granted.

Here: a person made of an issuer's claims, and as whom the ledger knows them.
Not here: how claims come here and are proven (sign_on), what a role may do (rules), which rows are theirs (reports).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from finops.config.portal import PortalFile
from reports.dashboards.access import Role, Viewer

MAX_NAME = 200
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Person:
    """``id`` never changes and is nobody else's; ``name`` is what people call them and policies name approvers by."""

    id: str
    name: str
    roles: frozenset[Role]
    teams: frozenset[str] = frozenset()

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.name, self.roles, self.teams)

    @property
    def sees_everything(self) -> bool:
        return self.viewer.sees_everything

    def is_in(self, *roles: Role) -> bool:
        return bool(self.roles & set(roles))

    def named_in(self, names: Iterable[str]) -> str | None:
        """This person as ``names`` has them, or None; upper and lower case are the same."""
        return next((name for name in names if name.casefold() == self.name.casefold()), None)

    def as_record(self) -> dict[str, Any]:
        """For the audit trail: who, in which roles, and for which teams."""
        return {
            "who": self.name,
            "person": self.id,
            "roles": sorted(self.roles),
            "teams": "all" if self.sees_everything else sorted(self.teams),
        }


def grants_stamp(settings: PortalFile) -> str:
    """What names the grants as they are: a session of others is over, so that what is taken back is gone at once."""
    return hashlib.sha256(settings.model_dump_json(include={"sign_on", "grants"}).encode()).hexdigest()[:16]


def person_of(claims: Mapping[str, Any], settings: PortalFile) -> Person:
    """The person that proven claims are about; without roles where nothing was granted.

    Entra ID's ``oid`` and ``tid`` name a person for good, other issuers' ``sub`` does within the issuer
    (https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference). An e-mail address names nobody:
    people can have it changed.

    Raises:
        ValueError: the claims name nobody.
    """
    if settings.sign_on is None:
        raise ValueError("portal.yml has no sign_on")
    if claims.get("oid") and claims.get("tid"):
        identity = f"{claims['tid']}/{claims['oid']}"
    elif claims.get("sub") and claims.get("iss"):
        identity = f"{claims['iss']}#{claims['sub']}"
    else:
        raise ValueError("the claims have neither oid and tid nor sub and iss")
    name = claims.get(settings.sign_on.name_claim) or claims.get("name") or claims.get("azp") or claims.get("sub")
    said = claims.get(settings.sign_on.roles_claim) or ()
    values = {said} if isinstance(said, str) else {value for value in said if isinstance(value, str)}
    granted = [grant for grant in settings.grants if grant.value in values]
    return Person(
        id=identity[:MAX_NAME],
        name=_UNSEEN.sub("", str(name))[:MAX_NAME].strip() or identity[:MAX_NAME],
        roles=frozenset(Role(grant.role) for grant in granted),
        teams=frozenset(team for grant in granted for team in grant.teams),
    )
