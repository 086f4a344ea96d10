"""What `aifinops connect azure` is asked for: its options, with what an earlier run set up, made into a request.

Here: options as given, what is wrong with them, what holds where they say nothing.
Not here: the steps that follow (``ingestion.azure.plan``) and how they look (connect_steps).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import typer

from finops.periods import BillingPeriod
from ingestion.azure.arm import Arm, ArmError, open_arm
from ingestion.azure.connect import Destination, find_account, find_destination
from ingestion.azure.plan import ConnectRequest

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCOUNT_ID = re.compile(
    r"/subscriptions/([^/]+)/resourcegroups/([^/]+)/providers/microsoft\.storage/storageaccounts/([^/]+)", re.IGNORECASE
)
_CONTAINER, _FOLDER = "cost-exports", "focus"
_LONGEST_BACKFILL = 84  # months; Cost Management keeps seven years


@dataclass(frozen=True)
class ConnectOptions:
    """The command's options, as given."""

    subscription: str
    storage_account: str | None
    container: str | None
    resource_group: str
    location: str | None
    principal_id: str | None
    principal_type: str
    folder: str | None
    export_name: str
    months: int
    again: Sequence[str]
    keep_runs: bool | None
    endpoint: str | None
    out: Path | None


def make_request(options: ConnectOptions, as_of: datetime) -> tuple[ConnectRequest, Arm, list[str]]:
    """The request, Azure Resource Manager, and what people should know where it cannot be asked.

    Raises:
        typer.BadParameter: an option says something that cannot be.
    """
    subscription = options.subscription.strip().lower().removeprefix("/subscriptions/")
    if not _GUID.fullmatch(subscription):
        raise typer.BadParameter(
            "it is no subscription id; az account list --output table shows yours", param_hint="--subscription"
        )
    if options.principal_id is not None and not _GUID.fullmatch(options.principal_id.lower()):
        raise typer.BadParameter(
            "give the identity's object id: az identity show --name … --query principalId", param_hint="--principal-id"
        )
    if not 0 <= options.months <= _LONGEST_BACKFILL:
        raise typer.BadParameter(f"between 0 and {_LONGEST_BACKFILL}", param_hint="--months")
    try:
        arm = open_arm(os.environ, endpoint=options.endpoint)
    except ArmError as error:
        raise typer.BadParameter(str(error), param_hint="--endpoint") from None
    notes: list[str] = []
    there = _existing(arm, subscription, options, notes)
    account_id = options.storage_account or (there.account_id if there else "")
    storage_subscription, group, account = subscription, options.resource_group, account_id
    if not account:
        account = f"aifinops{hashlib.sha256(subscription.encode()).hexdigest()[:12]}"
    elif match := _ACCOUNT_ID.fullmatch(account.rstrip("/")):
        storage_subscription, group, account = match[1].lower(), match[2], match[3]
    known = None
    if not notes:
        try:
            known = find_account(arm, storage_subscription, account)
        except ArmError as error:
            notes.append(f"Storage accounts cannot be listed: {error}")
    if known and (match := _ACCOUNT_ID.fullmatch(known)):
        group = match[2]
    folder = options.folder if options.folder is not None else (there.folder if there else _FOLDER)
    keep_runs = options.keep_runs if options.keep_runs is not None else bool(there and there.keeps_runs)
    request = ConnectRequest(
        subscription=subscription,
        storage_subscription=storage_subscription,
        resource_group=group,
        storage_account=account,
        container=options.container or (there.container if there else _CONTAINER),
        as_of=as_of,
        location=options.location,
        principal_id=options.principal_id.lower() if options.principal_id else None,
        principal_type=options.principal_type,
        folder=folder.strip("/"),
        export_name=options.export_name,
        months=options.months,
        keep_runs=keep_runs,
        again=_months(options.again),
    )
    return request, arm, notes


def _existing(arm: Arm, subscription: str, options: ConnectOptions, notes: list[str]) -> Destination | None:
    """What an earlier run of this command set up: nobody has to say it twice."""
    try:
        return find_destination(arm, subscription, options.export_name)
    except ArmError as error:
        if error.status in (None, 401):
            notes.append(f"Azure was not asked: {error}. Sign in with az login to see what is there already")
        return None


def _months(names: Sequence[str]) -> tuple[BillingPeriod, ...]:
    try:
        return tuple(BillingPeriod.parse(name) for name in names)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--month") from None
