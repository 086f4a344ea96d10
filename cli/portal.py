"""``aifinops portal``: the web application, on a home.

Here: options, the address, starting the server.
Not here: the application (portal).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from cli.inputs import fail, folder_of, given_moment, home_of
from cli.options import AsOfOption, ConfigOption, HomeOption
from finops.addresses import portal_address
from finops.config.portal import LOOPBACK

if TYPE_CHECKING:
    from portal.office import Office


def portal(
    home: HomeOption = None,
    config: ConfigOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes a free one")] = 8600,
    local: Annotated[
        bool, typer.Option("--local", help="Serve only this machine, without sign-on: whoever sits at it is Admin")
    ] = False,
    as_of: AsOfOption = None,
) -> None:
    """Serve the portal: dashboards, approvals, incidents, statements and an API, each person with the own role."""
    import uvicorn

    from portal.app import create_app

    if local and host not in LOOPBACK:
        fail(f"--local serves whoever reaches it as Admin; {host} is not this machine only. Leave out --host")
    listener = _listen(host, port)
    with listener:
        own = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        address = own if local else (portal_address(os.environ) or own)
        with opened_office(home, config, address=address, own=own, is_local=local, as_of=as_of) as office:
            typer.echo(f"The portal answers at {address}{_where(address, own)}   (Ctrl+C ends it)", err=True)
            settings = uvicorn.Config(
                create_app(office),
                log_level="warning",
                access_log=False,
                ws="none",
                server_header=False,
                date_header=True,
                timeout_keep_alive=30,
            )
            uvicorn.Server(settings).run(sockets=[listener])


@contextmanager
def opened_office(
    home: Path | None, config: Path | None, *, address: str, own: str, is_local: bool, as_of: str | None = None
) -> Iterator[Office]:
    """The office of a home, or what is wrong with it, told on stderr with status 1."""
    from finops.config import ConfigError
    from finops.periods import utc_now
    from guardrails import LedgerError, LinkKeyError
    from orchestration.gate import HomeGate
    from orchestration.ledger import open_ledger
    from portal.office import Office, PortalError
    from portal.sessions import SessionKeyError

    place = home_of(home)
    at = given_moment(as_of)
    clock = (lambda: at) if at else utc_now
    try:
        with open_ledger(place) as ledger:
            gate = HomeGate(place, folder_of(config), ledger, clock, os.environ)
            # Behind a proxy on this machine, health checks come to the address that is listened on.
            hosts = frozenset({urlsplit(own).netloc} if not is_local else _own_names(own))
            yield Office.open(
                gate, address=address, is_local=is_local, environ=os.environ, hosts=hosts, keeps_warm=True
            )
    except (ConfigError, LedgerError, LinkKeyError, PortalError, SessionKeyError) as error:
        fail(str(error))


def _own_names(own: str) -> set[str]:
    parts = urlsplit(own)
    return {f"{name}:{parts.port}" for name in ("127.0.0.1", "localhost", "[::1]")}


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
    except OSError as error:
        fail(f"{host}:{port} cannot be listened to: {error.strerror}. Choose another --port or --host")


def _where(address: str, own: str) -> str:
    return "" if address == own else f", served from {own}"
