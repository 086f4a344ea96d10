"""Who sees which rows: the roles of the organisation as row-level security.

Here: Admin and Finance see everything, Eng the rows of its own teams.
Not here: who is in a role (Power BI's security settings) and in a team (the parameter TeamMembers).

Every fact points to Team, and a filter on Team passes over to it; rows without a team are nobody's and hidden too.
"""

from __future__ import annotations

from dataclasses import dataclass

_PERSON = "'Team member'[user_principal_name] = USERPRINCIPALNAME()"
_OWN_TEAMS = f"CALCULATETABLE(VALUES('Team member'[team]), {_PERSON})"


@dataclass(frozen=True)
class Role:
    """``filters``: table and DAX condition on its rows; a table that is not named is seen whole."""

    name: str
    description: str
    filters: tuple[tuple[str, str], ...] = ()


ROLES = (
    Role("Admin", "Sees everything."),
    Role("Finance", "Sees everything."),
    Role(
        "Eng",
        "Sees the rows of the person's own teams; nothing where TeamMembers does not name the person.",
        (
            ("Team", f"[team] IN {_OWN_TEAMS}"),
            ("App", f"[team] IN {_OWN_TEAMS}"),
            ("Team member", "[user_principal_name] = USERPRINCIPALNAME()"),
        ),
    ),
)
