"""What all of the portal's routes share: one home, its ledger, sessions, the issuer, marts and pages.

Here: putting it together from settings and the environment.
Not here: routes (app).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from finops.config import Configuration
from finops.config.portal import LOOPBACK
from finops.periods import utc_now
from orchestration.gate import HomeGate
from orchestration.ledger import own_key
from orchestration.links import LinkDesk
from portal.desk import Desk
from portal.documents import Documents
from portal.limits import Buckets
from portal.metrics import Metrics
from portal.people import Person, grants_stamp
from portal.replays import Replays
from portal.sessions import Seal, Session, Sessions
from portal.shelf import Shelf
from portal.sign_on import Issuer
from portal.warm import Traffic, Visits, Warmer
from portal.ways import address_for
from reports.dashboards.access import Role
from reports.dashboards.site import plotly_name
from reports.page.document import plotly_script, write_page

SIGNED_OUT = "portal.signed_out"
SESSION_KEY_VARIABLE = "AIFINOPS_SESSION_KEY"
METRICS_TOKEN_VARIABLE = "AIFINOPS_METRICS_TOKEN"  # noqa: S105 - a variable's name
GATE_TOKEN_VARIABLE = "AIFINOPS_GATE_TOKEN"  # noqa: S105 - a variable's name
LOCAL = Person("local", "local", frozenset({Role.ADMIN}))
"""Whoever sits at this machine, where the portal serves nobody else."""


class PortalError(ValueError):
    """The portal cannot be started so; the message says what to set."""


@dataclass
class Office:
    """``address`` is where people find the portal, such as ``https://finops.example.com``; ``is_local``: it serves one
    person on this machine, without sign-on."""

    gate: HomeGate
    address: str
    is_local: bool
    hosts: frozenset[str]
    sessions: Sessions
    issuer: Issuer | None
    links: LinkDesk
    shelf: Shelf
    desk: Desk
    documents: Documents
    replays: Replays
    visits: Visits
    traffic: Traffic
    warmer: Warmer
    metrics: Metrics
    gate_token: str | None
    metrics_token: str | None
    local_session: Session | None = None
    keeps_warm: bool = False
    requests: Buckets = field(default_factory=lambda: Buckets(20, 200, time.monotonic))
    strangers: Buckets = field(default_factory=lambda: Buckets(10, 100, time.monotonic))
    failures: Buckets = field(default_factory=lambda: Buckets(0.5, 60, time.monotonic))

    @property
    def is_https(self) -> bool:
        return self.address.startswith("https://")

    @property
    def challenge(self) -> str:
        """What a program is told that has no token (https://www.rfc-editor.org/rfc/rfc6750#section-3), and where Power
        Query signs people in."""
        where = self.issuer.power_query_address if self.issuer else None
        return f'Bearer authorization_uri="{where}"' if where else "Bearer"

    @property
    def plotly(self) -> Path:
        """The script that draws charts, in a file whose name has its hash."""
        return self.gate.home.path / "portal" / plotly_name()

    @property
    def configuration(self) -> Configuration:
        """As it is now; the gate reads it again when a file changes."""
        return self.gate.configuration()

    @classmethod
    def open(
        cls,
        gate: HomeGate,
        *,
        address: str,
        is_local: bool,
        environ: Mapping[str, str],
        hosts: frozenset[str] = frozenset(),
        keeps_warm: bool = False,
    ) -> Office:
        """
        Args:
            keeps_warm: whether pages are made beforehand when a run has published.

        Raises:
            PortalError: without sign-on for others than this machine, or over plain HTTP.
            SessionKeyError, guardrails.LinkKeyError: a key is none.
        """
        settings = gate.configuration().portal
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise PortalError(f"{address} is not reached over TLS: set AIFINOPS_PORTAL_URL to its https address")
        issuer = None
        if is_local:
            if parts.hostname not in LOOPBACK:
                raise PortalError(f"--local serves whoever reaches it as Admin: {parts.hostname} is not this machine")
        else:
            if settings.sign_on is None:
                raise PortalError("portal.yml has no sign_on. Set it, or serve only this machine with --local")
            if not settings.grants:
                raise PortalError("portal.yml has no grants: nobody could see anything. docs/portal.md has an example")
            name = settings.sign_on.client_secret_env
            secret = environ.get(name, "").strip() if name else None
            if name and not secret:
                raise PortalError(f"the environment variable {name} is not set (portal.yml: client_secret_env)")
            issuer = Issuer(settings.sign_on, secret, f"{address}/sign-on/back")
        text = environ.get(SESSION_KEY_VARIABLE, "").strip()
        seal = Seal.parse(text or base64.b64encode(own_key(gate.home, "session.key")).decode("ascii"))
        sessions = Sessions(
            seal,
            lasts=timedelta(hours=settings.session_hours),
            idle=timedelta(minutes=settings.idle_minutes),
            clock=utc_now,
            ended=set(gate.ledger.notes(SIGNED_OUT)),
            grants=lambda: grants_stamp(gate.configuration().portal),
        )
        shelf, visits, traffic = Shelf(gate.home, gate.configuration, address_for), Visits(), Traffic()
        warmer = Warmer(shelf, visits, traffic, lambda: gate.configuration().portal.warm_pages)
        office = cls(
            gate=gate,
            address=address,
            is_local=is_local,
            hosts=frozenset({parts.netloc, *settings.hosts, *hosts}),
            sessions=sessions,
            issuer=issuer,
            links=LinkDesk(gate),
            shelf=shelf,
            desk=Desk(gate, shelf),
            documents=Documents(gate.home.digests),
            replays=Replays(gate.home, gate.config),
            visits=visits,
            traffic=traffic,
            warmer=warmer,
            keeps_warm=keeps_warm,
            metrics=Metrics(shelf, warmer),
            gate_token=environ.get(GATE_TOKEN_VARIABLE) or None,
            metrics_token=environ.get(METRICS_TOKEN_VARIABLE) or None,
            local_session=Session.of(LOCAL, utc_now()) if is_local else None,
        )
        if not office.plotly.exists():
            write_page(plotly_script(), office.plotly)
        return office
