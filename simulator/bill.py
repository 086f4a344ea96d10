"""The bill: FOCUS rows of one day, with money that multiplies exactly.

Here: charges of a day and of a month, as complete FOCUS 1.2 rows in Azure's spelling.
Not here: which run of the export shows which row (``simulator.exports``).

Money is Decimal. Quantities have at most 6 digits after the point and prices at most 6, so quantity × price fits into
``decimal(38,12)`` without rounding.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from finops.money import split
from finops.periods import BillingPeriod, days
from simulator import catalogue, meters, shapes, usage
from simulator import organisation as org
from simulator.billing_accounts import GROUP, PRICING_CURRENCY, BillingAccount
from simulator.catalogue import Item
from simulator.focus_header import HEADER
from simulator.meters import TOKEN_MODELS, Meter, Service
from simulator.randomness import stable_int, stable_uuid, stream

INVOICE_PLACEHOLDER = "@invoice@"
"""Stands where the invoice id comes once the month is closed."""

RESERVED_NODE_MONTHLY_FEE = Decimal("6971.37")
"""One year's reservation of one NC96ads A100 v4, paid by the month: 35% below 730 hours at list price."""
RESERVATION_ID = (
    "/providers/Microsoft.Capacity/reservationOrders/8f6d1c2e-90ab-4c1d-b6e7-2f3a4b5c6d7e"
    "/reservations/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
)
SAVINGS_PLAN_MONTHLY_FEE = Decimal("438.00")
"""A compute savings plan of USD 0.60 an hour for 730 hours."""
SAVINGS_PLAN_ID = (
    "/providers/Microsoft.BillingBenefits/savingsPlanOrders/4d5e6f70-8192-4a3b-9c4d-5e6f708192a3"
    "/savingsPlans/b1c2d3e4-f506-4172-8394-a5b6c7d8e9f0"
)
SAVINGS_PLAN_MACHINES = ("vm-documents-01", "vm-fraud-01")

_MICRO = Decimal("0.000001")
_ATTO = Decimal("1E-18")
_SPOT_DISCOUNT = Decimal("0.60")


@dataclass(frozen=True)
class Charge:
    """What a row says, before Azure's spelling. ``quantity`` counts the meter's unit blocks."""

    subscription: str
    resource_id: str
    kind: str
    service: Service
    meter: Meter
    tags: tuple[tuple[str, str], ...]
    day: date
    quantity: Decimal
    billed_cost: Decimal
    effective_cost: Decimal
    list_unit_price: Decimal
    contracted_unit_price: Decimal
    period_days: int = 1
    category: str = "Usage"
    charge_class: str = ""
    frequency: str = "Usage-Based"
    pricing_category: str = "Standard"
    commitment: tuple[str, str, str, str] | None = None  # id, name, type, status
    amortization: str = ""
    description: str = ""
    publisher: str = "Microsoft"
    billing_period: BillingPeriod | None = None

    @property
    def period(self) -> BillingPeriod:
        return self.billing_period or BillingPeriod.containing(self.day)


def usage_charge(
    subscription: str,
    resource_id: str,
    kind: str,
    service: Service,
    meter: Meter,
    tags: Iterable[tuple[str, str]],
    day: date,
    quantity: Decimal,
    pricing_category: str = "Standard",
) -> Charge:
    """Plain usage: billed = effective = contracted price × quantity."""
    cost = meter.contracted_price * quantity
    return Charge(
        subscription, resource_id, kind, service, meter, tuple(tags), day, quantity, cost, cost, meter.list_price,
        meter.contracted_price, pricing_category=pricing_category,
    )  # fmt: skip


def purchase(
    subscription: str,
    resource_id: str,
    kind: str,
    service: Service,
    name: str,
    amount: Decimal,
    description: str,
    day: date,
    period_days: int,
    tags: Iterable[tuple[str, str]] = (),
) -> Charge:
    """A recurring fee, charged at once for ``period_days``."""
    meter = meters.simple(name, service.name, service.name, "1/Month", "Months", str(amount))
    charge = usage_charge(subscription, resource_id, kind, service, meter, tags, day, Decimal(1))
    return replace(charge, category="Purchase", frequency="Recurring", description=description, period_days=period_days)


def in_billing_currency(charge: Charge, account: BillingAccount) -> Charge:
    """A charge in USD as ``account`` is billed for it: prices at the month's rate with 6 digits, money to match."""
    if account.currency == PRICING_CURRENCY:
        return charge
    rate = account.exchange_rate(charge.period)

    def converted(price: Decimal) -> Decimal:
        return (price * rate).quantize(_MICRO, ROUND_HALF_EVEN)

    contracted = converted(charge.contracted_unit_price)
    cost = contracted * charge.quantity
    return replace(
        charge, list_unit_price=converted(charge.list_unit_price), contracted_unit_price=contracted, billed_cost=cost,
        effective_cost=cost,
    )  # fmt: skip


def restate(charge: Charge, factor: Decimal) -> Charge:
    """The same usage charge as an earlier run knew it: its quantity divided by ``factor``, money to match."""
    smallest = Decimal(1) / charge.meter.block if charge.meter.block > 1 else _MICRO
    quantity = (charge.quantity / factor).quantize(smallest, ROUND_HALF_EVEN)
    cost = charge.contracted_unit_price * quantity
    return replace(charge, quantity=quantity, billed_cost=cost, effective_cost=cost)


class Biller:
    """Writes the bill of one organisation. GPU node hours come from the cluster's telemetry."""

    def __init__(self, parameters: org.Parameters, node_hours: dict[tuple[int, str, int], int]) -> None:
        self._parameters = parameters
        self._node_hours = node_hours
        self._items = catalogue.items()
        self._scale = Decimal(str(parameters.scale))
        self._daily_fees: dict[tuple[str, date], Decimal] = {}

    def day(self, day: date, gateway: usage.TokenTotals) -> list[Charge]:
        """All charges whose charge period starts on a day, in a fixed order."""
        return [
            *self._gateway(day, gateway),
            *self._dedicated(day),
            *self._gpu_nodes(day),
            *self._catalogue(day),
            *(self._monthly(day) if day.day == 1 else ()),
            *(self._corrections(day) if day.day == 1 else ()),
        ]

    def _gateway(self, day: date, tokens: usage.TokenTotals) -> Iterator[Charge]:
        tags = catalogue.tags_of("platform", "llm-gateway")
        for (model, kind), count in sorted(tokens.items()):
            yield _token_charge(org.SHARED, org.GATEWAY_ACCOUNT, tags, model, kind, count, day)

    def _dedicated(self, day: date) -> Iterator[Charge]:
        for hours in usage.dedicated_hours(self._parameters, day):
            account, deployment = hours.account, hours.deployment
            tags = tuple(account.tags.items())
            if deployment.billing == "provisioned":
                meter = meters.hourly(
                    "Provisioned Managed Global Unit", "Azure OpenAI", "1", contracted="0.88", category="Foundry Models"
                )
                quantity = self._scaled(24 * deployment.provisioned_units)
                yield usage_charge(
                    account.subscription, account.id, org.ACCOUNT_TYPE, meters.OPENAI, meter, tags, day, quantity
                )
                continue
            for kind, count in hours.billed_tokens().items():
                if count:
                    yield _token_charge(
                        account.subscription,
                        account.id,
                        tags,
                        deployment.model,
                        kind,
                        count,
                        day,
                        deployment.billing == "batch",
                    )

    def _gpu_nodes(self, day: date) -> Iterator[Charge]:
        offset = (day - self._parameters.first_day).days
        for pool in org.NODE_POOLS:
            meter = _node_meter(pool)
            resource = org.resource_id(org.PRODUCTION, org.CLUSTER_GROUP, org.SCALE_SET_TYPE, pool.scale_set)
            tags = (("aks-managed-poolName", f"gpu{pool.key}"), ("environment", "production"))
            plain, spot = Decimal(0), Decimal(0)
            for node in range(pool.nodes):
                hours = self._node_hours.get((offset, pool.key, node), 0)
                if pool.key == "a100" and node == 0:
                    yield from self._reserved_node(day, resource, meter, tags)
                elif hours:
                    # A node is billed while it boots and drains, too: some minutes a day.
                    minutes = Decimal(stable_int(14, self._parameters.seed, "drain", pool.key, node, day)) / 60
                    billed = min(Decimal(hours) + (minutes if hours < 24 else 0), Decimal(24))
                    if pool.key == "a100" and node == pool.nodes - 1:
                        spot += billed
                    else:
                        plain += billed
            if plain:
                yield usage_charge(
                    org.PRODUCTION,
                    resource,
                    org.SCALE_SET_TYPE,
                    meters.SCALE_SETS,
                    meter,
                    tags,
                    day,
                    self._scaled(plain),
                )
            if spot:
                price = (meter.list_price * (1 - _SPOT_DISCOUNT)).quantize(_MICRO)
                cheap = replace(meter, name=f"{meter.name} Spot", list_price=price, contracted_price=price)
                yield usage_charge(
                    org.PRODUCTION,
                    resource,
                    org.SCALE_SET_TYPE,
                    meters.SCALE_SETS,
                    cheap,
                    tags,
                    day,
                    self._scaled(spot),
                    "Dynamic",
                )

    def _reserved_node(
        self, day: date, resource: str, meter: Meter, tags: tuple[tuple[str, str], ...]
    ) -> Iterator[Charge]:
        """The first A100 node is reserved: nothing billed, a share of the fee effective; rarely two hours go unused."""
        fee = self._fee_share("reservation", RESERVED_NODE_MONTHLY_FEE, day)
        unused = 2 if stable_int(20, self._parameters.seed, "unused", day) == 0 else 0
        used_cost, unused_cost = split(fee, [Decimal(24 - unused), Decimal(unused)])
        name = "gpu-a100-node-1y"
        free = replace(meter, list_price=Decimal(0), contracted_price=Decimal(0))
        used = usage_charge(
            org.PRODUCTION,
            resource,
            org.SCALE_SET_TYPE,
            meters.SCALE_SETS,
            free,
            tags,
            day,
            self._scaled(24 - unused),
            "Committed",
        )
        yield replace(
            used,
            effective_cost=used_cost,
            commitment=(RESERVATION_ID, name, "Reservation", "Used"),
            amortization="Amortized Charge",
        )
        if unused:
            yield replace(
                used,
                resource_id="",
                kind="",
                tags=(),
                quantity=self._scaled(unused),
                effective_cost=unused_cost,
                commitment=(RESERVATION_ID, name, "Reservation", "Unused"),
                amortization="Amortized Charge",
                description="NC96ads A100 v4 - unused reservation",
            )

    def _catalogue(self, day: date) -> Iterator[Charge]:
        for item in self._items:
            charge = usage_charge(
                item.subscription,
                item.id,
                item.kind,
                item.service,
                item.meter,
                item.tags,
                day,
                self._quantity(item, day),
            )
            if item.name in SAVINGS_PLAN_MACHINES:
                share = self._fee_share("savings-plan", SAVINGS_PLAN_MONTHLY_FEE, day)
                part = split(share, [Decimal(1)] * len(SAVINGS_PLAN_MACHINES))[SAVINGS_PLAN_MACHINES.index(item.name)]
                yield replace(
                    charge,
                    billed_cost=Decimal(0),
                    effective_cost=part,
                    pricing_category="Committed",
                    commitment=(SAVINGS_PLAN_ID, "compute-savings-plan", "Savings Plan", "Used"),
                    amortization="Amortized Charge",
                )
            else:
                yield charge

    def _quantity(self, item: Item, day: date) -> Decimal:
        if item.constant:
            return self._scaled(Decimal(str(item.per_day)))
        rng = stream(self._parameters.seed, "item", item.key, day)
        level = org.growth(item.growth_per_year, day) * float(np.exp(rng.normal(0, 0.05)))
        if item.profile == "office":
            level *= float(shapes.day_rates("office", day).mean()) * (
                usage.HOLIDAY_FACTOR if usage.is_holiday(day) else 1
            )
        if item.name == catalogue.RETRAIN_ITEM_NAME and day in org.RETRAIN_DAYS:
            level *= org.RETRAIN_FACTOR
        return self._scaled(Decimal(round(item.per_day * level * 1e6)).scaleb(-6))

    def _scaled(self, quantity: Decimal | int) -> Decimal:
        return (quantity * self._scale).quantize(_MICRO, ROUND_HALF_EVEN)

    def _fee_share(self, what: str, monthly_fee: Decimal, day: date) -> Decimal:
        """One day's part of a monthly fee; the parts of a month sum to the fee exactly."""
        if (what, day) not in self._daily_fees:
            period = BillingPeriod.containing(day)
            fee = (monthly_fee * self._scale).quantize(Decimal("0.01"))
            parts = split(fee, [Decimal(1)] * period.days)
            self._daily_fees.update(zip(((what, d) for d in days(period.start, period.end)), parts, strict=True))
        return self._daily_fees[(what, day)]

    def _monthly(self, day: date) -> Iterator[Charge]:
        """Fees that are charged once a month, on the first."""
        month = BillingPeriod.containing(day)

        def fee(resource_id: str, kind: str, service: Service, name: str, amount: Decimal, description: str) -> Charge:
            # Purchases have no tags of their own; tag inheritance gives them the subscription's.
            tags = (("team", "platform"), ("environment", "production")) if kind else ()
            return purchase(org.SHARED, resource_id, kind, service, name, amount, description, day, month.days, tags)

        def scaled(amount: str | Decimal) -> Decimal:
            return (Decimal(amount) * self._scale).quantize(Decimal("0.01"))

        reservation = fee(
            RESERVATION_ID, "Microsoft.Capacity/reservationOrders", meters.MACHINES, "NC96ads A100 v4",
            scaled(RESERVED_NODE_MONTHLY_FEE),
            "Reserved VM Instance, Standard_NC96ads_A100_v4, SE Central, 1 Year, monthly payment",
        )  # fmt: skip
        plan = fee(
            SAVINGS_PLAN_ID, "Microsoft.BillingBenefits/savingsPlanOrders", meters.MACHINES, "Compute Savings Plan",
            scaled(SAVINGS_PLAN_MONTHLY_FEE),
            "Compute savings plan, 1 Year, monthly payment",
        )  # fmt: skip
        # A purchase that covers other charges has no effective cost: theirs carry it.
        yield replace(
            reservation,
            effective_cost=Decimal(0),
            commitment=(RESERVATION_ID, "gpu-a100-node-1y", "Reservation", ""),
        )
        yield replace(
            plan, effective_cost=Decimal(0), commitment=(SAVINGS_PLAN_ID, "compute-savings-plan", "Savings Plan", "")
        )
        support = f"/subscriptions/{org.SHARED}/providers/Microsoft.Support/supportPlans/prodirect"
        yield fee(
            support, "Microsoft.Support/supportPlans", meters.SUPPORT, "Professional Direct Support", scaled("1000"),
            "Professional Direct support plan",
        )  # fmt: skip
        market = org.resource_id(org.PRODUCTION, "rg-documents", "Microsoft.SaaS/resources", "contoso-labelling")
        seats = fee(
            market,
            "Microsoft.SaaS/resources",
            meters.MARKETPLACE,
            "Team seat",
            scaled("289.90"),
            "Contoso Labelling, team plan",
        )
        # Azure gives no list and contracted price for the marketplace.
        yield replace(
            seats, tags=catalogue.tags_of("documents", "invoice-extractor"), list_unit_price=Decimal(0),
            contracted_unit_price=Decimal(0), publisher="Contoso Labelling BV",
        )  # fmt: skip
        for category, name, amount in (
            ("Tax", "Value added tax on marketplace", "72.475"),
            ("Credit", "Azure prepayment credit", "-150"),
        ):
            cost = (Decimal(amount) * self._scale).quantize(_MICRO)
            tax = fee("", "", meters.BILLING, name, cost, name)
            yield replace(
                tax,
                category=category,
                frequency="One-Time" if category == "Credit" else "Recurring",
                pricing_category="",
            )

    def _corrections(self, day: date) -> Iterator[Charge]:
        """A refund for the month before, booked in the open month: a correction keeps the charge period it corrects."""
        previous = BillingPeriod.containing(day).previous()
        corrected = previous.start + timedelta(days=stable_int(20, self._parameters.seed, "corrected", previous.start))
        if corrected < self._parameters.first_day:
            return
        item = next(i for i in self._items if i.name == "sql-documents/databases/documents")
        charge = usage_charge(
            item.subscription,
            item.id,
            item.kind,
            item.service,
            item.meter,
            item.tags,
            corrected,
            self._scaled(Decimal("-37.5")),
        )
        yield replace(
            charge,
            charge_class="Correction",
            billing_period=BillingPeriod.containing(day),
            description="Refund: outage, service level agreement",
        )


def _node_meter(pool: org.NodePool) -> Meter:
    price = {"a100": "14.692", "h100": "98.32", "a10": "3.20"}[pool.key]
    family = {"a100": "NCadsA100v4", "h100": "NDisrH100v5", "a10": "NVadsA10v5"}[pool.key]
    return meters.hourly(pool.meter, f"Virtual Machines {family} Series", price, pool.arm_sku)


def _token_charge(
    subscription: str,
    resource_id: str,
    tags: Iterable[tuple[str, str]],
    model: str,
    kind: str,
    count: int,
    day: date,
    batch: bool = False,
) -> Charge:
    meter = TOKEN_MODELS[model].meter(kind, day, batch)
    return usage_charge(
        subscription, resource_id, org.ACCOUNT_TYPE, meters.OPENAI, meter, tags, day, Decimal(count) / meter.block
    )


def focus_row(charge: Charge, account: BillingAccount = GROUP) -> list[str]:
    """A charge in USD as the FOCUS 1.2 export of a billing profile writes it: one text per column of ``HEADER``, empty
    for null. Only usage and plain purchases can be billed in another currency than USD."""
    charge = in_billing_currency(charge, account)
    exchange_rate = account.exchange_rate(charge.period)
    meter, service, period = charge.meter, charge.service, charge.period
    resource = _recased(charge.resource_id, charge.day)
    end = charge.day + timedelta(days=charge.period_days)
    list_cost = charge.list_unit_price * charge.quantity
    contracted_cost = charge.contracted_unit_price * charge.quantity
    meter_id = stable_uuid("meter", meter.name)
    sku = f"DZH318Z0{stable_int(16**4, 'product', meter.subcategory, meter.name):04X}"
    commitment_id, commitment_name, commitment_type, commitment_status = charge.commitment or ("", "", "", "")
    is_purchase = charge.category == "Purchase"
    has_price = charge.category in ("Usage", "Purchase")
    has_quantity = charge.category == "Usage"
    group = charge.resource_id.split("/")[4] if "/resourceGroups/" in charge.resource_id else ""
    name = _resource_name(charge.resource_id)
    effective_price = charge.effective_cost / charge.quantity if charge.quantity else Decimal(0)
    tags = json.dumps(dict(charge.tags), separators=(",", ":")) if charge.tags else ""
    details = json.dumps(dict(meter.details), separators=(",", ":")) if meter.details else ""
    values = {
        "BilledCost": amount(charge.billed_cost),
        "BillingAccountId": _recased(account.profile_id, charge.day),
        "BillingAccountName": f"{account.name} - AI",
        "BillingAccountType": "Billing Profile",
        "BillingCurrency": account.currency,
        "BillingPeriodEnd": _moment(period.end),
        "BillingPeriodStart": _moment(period.start),
        "ChargeCategory": charge.category,
        "ChargeClass": charge.charge_class,
        "ChargeDescription": charge.description or f"{meter.subcategory} - {meter.name} - {account.region_name}",
        "ChargeFrequency": charge.frequency,
        "ChargePeriodEnd": _moment(end),
        "ChargePeriodStart": _moment(charge.day),
        "CommitmentDiscountCategory": {"Reservation": "Usage", "Savings Plan": "Spend"}.get(commitment_type, ""),
        "CommitmentDiscountId": _recased(commitment_id, charge.day),
        "CommitmentDiscountName": commitment_name,
        "CommitmentDiscountQuantity": _commitment_quantity(charge),
        "CommitmentDiscountStatus": commitment_status,
        "CommitmentDiscountType": commitment_type,
        "CommitmentDiscountUnit": {"Reservation": "Hours", "Savings Plan": "USD"}.get(commitment_type, ""),
        "ConsumedQuantity": amount(charge.quantity * meter.block) if has_quantity else "",
        "ConsumedUnit": meter.consumed_unit if has_quantity else "",
        "ContractedCost": amount(contracted_cost),
        "ContractedUnitPrice": amount(charge.contracted_unit_price) if has_price else "",
        "EffectiveCost": amount(charge.effective_cost),
        "InvoiceId": INVOICE_PLACEHOLDER,
        "InvoiceIssuerName": "Microsoft",
        "ListCost": amount(list_cost),
        "ListUnitPrice": amount(charge.list_unit_price) if has_price else "",
        "PricingCategory": charge.pricing_category,
        "PricingCurrency": PRICING_CURRENCY,
        "PricingQuantity": amount(charge.quantity) if has_price else "",
        "PricingUnit": meter.pricing_unit if has_price else "",
        "ProviderName": "Microsoft",
        "PublisherName": charge.publisher,
        "RegionId": account.region if name else "",
        "RegionName": account.region_name if name else "",
        "ResourceId": resource,
        "ResourceName": name,
        "ResourceType": _resource_type_name(charge.kind),
        "ServiceCategory": service.category,
        "ServiceName": service.name,
        "ServiceSubcategory": service.subcategory,
        "SkuId": sku if has_price else "",
        "SkuMeter": meter.name if has_price else "",
        "SkuPriceDetails": details,
        "SkuPriceId": f"{sku}/{stable_int(16**3, 'price', meter.name):03X}/{meter.list_price.normalize():f}"
        if has_price
        else "",
        "SubAccountId": f"/subscriptions/{charge.subscription}",
        "SubAccountName": account.subscriptions[charge.subscription],
        "SubAccountType": "Subscription",
        "Tags": tags,
        "x_AccountId": "",
        "x_AmortizationClass": charge.amortization or ("Principal" if is_purchase and charge.commitment else ""),
        "x_BilledCostInUsd": amount(charge.billed_cost / exchange_rate),
        "x_BilledUnitPrice": amount(charge.contracted_unit_price) if has_price else "",
        "x_BillingAccountId": account.account,
        "x_BillingAccountName": account.name,
        "x_BillingExchangeRate": amount(exchange_rate),
        "x_BillingExchangeRateDate": _moment(period.start),
        "x_BillingProfileId": account.profile,
        "x_BillingProfileName": f"{account.name} - AI",
        "x_ContractedCostInUsd": amount(contracted_cost / exchange_rate),
        "x_CostCenter": "",
        "x_EffectiveCostInUsd": amount(charge.effective_cost / exchange_rate),
        "x_EffectiveUnitPrice": amount(effective_price) if has_price else "",
        "x_InvoiceSectionId": account.invoice_section,
        "x_InvoiceSectionName": "AI workloads",
        "x_ListCostInUsd": amount(list_cost / exchange_rate),
        "x_PricingBlockSize": str(meter.block) if has_price else "",
        "x_PricingSubcategory": {"Dynamic": "Spot", "Committed": "Committed Usage"}.get(
            charge.pricing_category, "Standard"
        ),
        "x_PricingUnitDescription": meter.unit,
        "x_PublisherCategory": "Cloud Provider" if charge.publisher == "Microsoft" else "Vendor",
        "x_PublisherId": "" if charge.publisher == "Microsoft" else "contosolabelling",
        "x_ResourceGroupName": group.lower() if stable_int(2, charge.resource_id, charge.day) else group,
        "x_ResourceType": charge.kind.lower(),
        "x_ServiceModel": service.model,
        "x_ServicePeriodEnd": _moment(end),
        "x_ServicePeriodStart": _moment(charge.day),
        "x_SkuDescription": f"{meter.subcategory} - {meter.name}",
        "x_SkuIsCreditEligible": "True" if charge.publisher == "Microsoft" else "False",
        "x_SkuMeterCategory": meter.category,
        "x_SkuMeterId": meter_id,
        "x_SkuMeterSubcategory": meter.subcategory,
        "x_SkuOrderId": commitment_id.split("/")[4] if commitment_id else "",
        "x_SkuOrderName": commitment_name,
        "x_SkuPartNumber": f"AAF-{stable_int(90_000, 'part', meter.name) + 10_000}",
        "x_SkuRegion": "SE Central",
        "x_SkuServiceFamily": service.category,
        "x_SkuTerm": "12" if commitment_id else "",
    }
    return [values.get(column, "") for column in HEADER]


def amount(value: Decimal) -> str:
    """A number as Azure writes it: plain notation, no trailing zeros, with up to 18 digits after the point."""
    if value == 0:
        return "0"
    text = f"{value.quantize(_ATTO) if value % _ATTO else value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _commitment_quantity(charge: Charge) -> str:
    if charge.commitment is None:
        return ""
    if charge.commitment[2] == "Savings Plan":
        return amount(charge.effective_cost or charge.billed_cost)
    return amount(charge.quantity)


def _resource_name(resource_id: str) -> str:
    """The name after the type: ``sql-documents/databases/documents`` gives ``documents``."""
    return resource_id.rsplit("/", 1)[-1]


def _resource_type_name(kind: str) -> str:
    return {
        "Microsoft.CognitiveServices/accounts": "Azure OpenAI",
        "Microsoft.Compute/virtualMachineScaleSets": "Virtual machine scale set",
        "Microsoft.Compute/virtualMachines": "Virtual machine",
        "Microsoft.Storage/storageAccounts": "Storage account",
        "Microsoft.MachineLearningServices/workspaces": "Machine learning workspace",
        "Microsoft.Search/searchServices": "Search service",
        "Microsoft.Sql/servers": "SQL database",
    }.get(kind, kind.rsplit("/", 1)[-1])


def _recased(identifier: str, day: date) -> str:
    """Azure repeats one id in several cases: as created, all lower case, or with an upper-case resource group."""
    choice = stable_int(3, "case", identifier, day)
    if choice == 1:
        return identifier.lower()
    if choice == 2 and "/resourceGroups/" in identifier:
        head, _, tail = identifier.partition("/resourceGroups/")
        group, _, rest = tail.partition("/")
        return f"{head}/resourcegroups/{group.upper()}/{rest}"
    return identifier
