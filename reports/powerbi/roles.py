"""Who sees which rows: the roles of the organisation as row-level security.

Here: Admin and Finance see everything, Eng what the portal shows of the person's own teams; each filter as DAX, and as
SQL for whoever checks it.
Not here: the rule itself (``reports.dashboards.access``), who is in a role (Power BI's security settings) and in a team
(the parameter TeamMembers).

Every fact points to Team, and a filter on Team passes over to it; rows without a team are nobody's and hidden too. App
is filtered so that no team reads another's names, and lets through what own rows lead to: an app of another team that
the own team uses, and the member that stands for no app.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.dashboards.access import RULES
from reports.dashboards.access import Role as Access
from reports.powerbi.expressions import sql_text
from reports.powerbi.star import NO_APP, STAR

OWN_TEAMS = "own_teams"
"""In a filter's SQL: the table with the person's teams, in its column ``team``."""
_PERSON = "'Team member'[user_principal_name] = USERPRINCIPALNAME()"
_OWN_TEAMS_SQL = f"SELECT team FROM {OWN_TEAMS}"
_OWN_TEAMS = f"CALCULATETABLE(VALUES('Team member'[team]), {_PERSON})"


@dataclass(frozen=True)
class Filter:
    """Which rows of a table are seen, as DAX and as SQL over the same columns."""

    table: str
    dax: str
    sql: str


@dataclass(frozen=True)
class Role:
    """A table without a filter is seen whole, as far as filters of what it points to let it."""

    name: str
    description: str
    filters: tuple[Filter, ...] = ()


def _closed() -> list[Filter]:
    """Facts that the portal shows none of to Eng."""
    return [
        Filter(table.name, "FALSE()", "false") for table in STAR if table.is_fact and table.rows.marts[0] not in RULES
    ]


ROLES = (
    Role(Access.ADMIN, "Sees everything."),
    Role(Access.FINANCE, "Sees everything."),
    Role(
        Access.ENG,
        "Sees the rows of the person's own teams; nothing where TeamMembers does not name the person.",
        (
            Filter("Team", f"[team] IN {_OWN_TEAMS}", f"team IN ({_OWN_TEAMS_SQL})"),
            Filter(
                "App",
                f"VAR own_teams = {_OWN_TEAMS}\n"
                f'RETURN [app] = "{NO_APP}" || '
                "[app] IN CALCULATETABLE(VALUES('Team app'[app]), TREATAS(own_teams, 'Team app'[team]))",
                f'app = {sql_text(NO_APP)} OR app IN (SELECT app FROM "Team app" WHERE team IN ({_OWN_TEAMS_SQL}))',
            ),
            *_closed(),
            Filter("Team app", f"[team] IN {_OWN_TEAMS}", f"team IN ({_OWN_TEAMS_SQL})"),
            Filter("Team member", "[user_principal_name] = USERPRINCIPALNAME()", "true"),
        ),
    ),
)
