"""What two subsidiaries run in subscriptions of their own: the same teams' apps, billed in EUR and GBP.

Here: their resources, mean daily quantities, and the charges of a day, in USD as prices are.
Not here: their billing profiles and exchange rates (``simulator.billing_accounts``), rows (``simulator.bill``).

Each has resources of teams and some that several teams share (a vector store, a support plan), so that cost is split in
every currency. Token counts are billed only: nobody set up metrics there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from finops.periods import BillingPeriod
from simulator import catalogue, meters, shapes, usage
from simulator import organisation as org
from simulator.bill import Charge, purchase, usage_charge
from simulator.billing_accounts import (
    BRITAIN,
    BRITAIN_SUBSCRIPTION,
    GERMANY,
    GERMANY_SUBSCRIPTION,
    BillingAccount,
)
from simulator.meters import TOKEN_MODELS, Meter, Service, hourly, simple
from simulator.randomness import stream

_MICRO = Decimal("0.000001")
_SPREAD = 0.05
_SEARCH = "Microsoft.Search/searchServices"
_STORAGE = "Microsoft.Storage/storageAccounts"
_MACHINE = "Microsoft.Compute/virtualMachines"

_SEARCH_S1 = hourly("Standard S1 Unit", "Azure AI Search", "0.336", category="Azure AI Search")
_NC24 = hourly("NC24ads A100 v4", "Virtual Machines NCadsA100v4 Series", "3.673", "Standard_NC24ads_A100_v4")
_BLOB_DATA = simple("Hot LRS Data Stored", "Storage", "Tiered Block Blob", "1 GB/Month", "GB-Months", "0.0184")


@dataclass(frozen=True)
class _Tokens:
    """An Azure OpenAI account of one app: USD a day of one model's tokens at scale 1, split over its meters."""

    account: BillingAccount
    subscription: str
    group: str
    name: str
    team: str
    app: str
    model: str
    usd_per_day: float
    shares: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class _Resource:
    """A resource that is used about as much every day; ``per_day`` is in the meter's unit, at scale 1."""

    account: BillingAccount
    subscription: str
    group: str
    kind: str
    name: str
    team: str
    app: str
    service: Service
    meter: Meter
    per_day: str


_CHAT = (("input", 0.62), ("cached", 0.08), ("output", 0.30))
_TOKENS = (
    _Tokens(GERMANY, GERMANY_SUBSCRIPTION, "rg-support-de", "aoai-support-de", "support", "support-copilot",
            "gpt-4.1-mini", 34, _CHAT),
    _Tokens(GERMANY, GERMANY_SUBSCRIPTION, "rg-documents-de", "aoai-documents-de", "documents", "invoice-extractor",
            "gpt-5-mini", 21, _CHAT),
    _Tokens(BRITAIN, BRITAIN_SUBSCRIPTION, "rg-fraud-uk", "aoai-fraud-uk", "fraud", "claims-screening", "gpt-5.1", 26,
            _CHAT),
)  # fmt: skip
_RESOURCES = (
    _Resource(GERMANY, GERMANY_SUBSCRIPTION, "rg-search-de", _SEARCH, "srch-products-de", "search", "product-search",
              meters.SEARCH, _SEARCH_S1, "48"),
    # Several teams use it: config/allocation.yml splits the vector store, whoever pays it.
    _Resource(GERMANY, GERMANY_SUBSCRIPTION, "rg-vector-store-de", _SEARCH, "srch-shared", "platform", "vector-store",
              meters.SEARCH, _SEARCH_S1, "72"),
    _Resource(GERMANY, GERMANY_SUBSCRIPTION, "rg-search-de", _STORAGE, "stsearchde", "search", "product-search",
              meters.STORAGE, _BLOB_DATA, "310"),
    _Resource(BRITAIN, BRITAIN_SUBSCRIPTION, "rg-data-science-uk", _MACHINE, "vm-data-science-uk", "data-science",
              "demand-forecast", meters.MACHINES, _NC24, "8"),
    _Resource(BRITAIN, BRITAIN_SUBSCRIPTION, "rg-vector-store-uk", _SEARCH, "srch-shared", "platform", "vector-store",
              meters.SEARCH, _SEARCH_S1, "48"),
    _Resource(BRITAIN, BRITAIN_SUBSCRIPTION, "rg-fraud-uk", _STORAGE, "stfrauduk", "fraud", "claims-screening",
              meters.STORAGE, _BLOB_DATA, "190"),
)  # fmt: skip
_SUPPORT_USD_PER_MONTH = Decimal(100)


def charges(account: BillingAccount, parameters: org.Parameters, day: date) -> list[Charge]:
    """What a subsidiary is charged for a day, in USD, in a fixed order."""
    return [
        *_token_charges(account, parameters, day),
        *_resource_charges(account, parameters, day),
        *(_support(account, parameters, day) if day.day == 1 else ()),
    ]


def _token_charges(account: BillingAccount, parameters: org.Parameters, day: date) -> Iterator[Charge]:
    scale = parameters.scale
    for tokens in _TOKENS:
        if tokens.account is not account:
            continue
        rng = stream(parameters.seed, "subsidiary", tokens.name, tokens.model, day)
        level = float(shapes.day_rates("office", day).mean()) * float(np.exp(rng.normal(0, _SPREAD)))
        level *= usage.HOLIDAY_FACTOR if usage.is_holiday(day) else 1
        resource = org.resource_id(tokens.subscription, tokens.group, org.ACCOUNT_TYPE, tokens.name)
        for kind, share in tokens.shares:
            meter = TOKEN_MODELS[tokens.model].meter(kind, day)
            count = round(tokens.usd_per_day * share * level * scale / float(meter.list_price) * meter.block)
            quantity = Decimal(count) / meter.block
            yield usage_charge(
                tokens.subscription, resource, org.ACCOUNT_TYPE, meters.OPENAI, meter,
                catalogue.tags_of(tokens.team, tokens.app), day, quantity,
            )  # fmt: skip


def _resource_charges(account: BillingAccount, parameters: org.Parameters, day: date) -> Iterator[Charge]:
    scale = Decimal(str(parameters.scale))
    for item in _RESOURCES:
        if item.account is account:
            yield usage_charge(
                item.subscription, org.resource_id(item.subscription, item.group, item.kind, item.name), item.kind,
                item.service, item.meter, catalogue.tags_of(item.team, item.app), day,
                (Decimal(item.per_day) * scale).quantize(_MICRO, ROUND_HALF_EVEN),
            )  # fmt: skip


def _support(account: BillingAccount, parameters: org.Parameters, day: date) -> Iterator[Charge]:
    [subscription] = account.subscriptions
    fee = (_SUPPORT_USD_PER_MONTH * Decimal(str(parameters.scale))).quantize(Decimal("0.01"))
    yield purchase(
        subscription, f"/subscriptions/{subscription}/providers/Microsoft.Support/supportPlans/standard",
        "Microsoft.Support/supportPlans", meters.SUPPORT, "Standard Support", fee, "Standard support plan", day,
        BillingPeriod.containing(day).days, (("team", "platform"), ("environment", "production")),
    )  # fmt: skip
