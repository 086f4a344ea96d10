"""Vocabulary of Azure's cost details: the ActualCost and AmortizedCost datasets.

Here: one spelling for every column that Enterprise Agreement (EA) and Microsoft Customer Agreement (MCA) files, the
Query API and older exports name differently; which dataset a file is of.
Not here: reading files (ingestion) and turning rows into FOCUS (dbt).
Source: "Cost and usage details file schema" in the Cost Management documentation, EA and MCA, versions up to
2024-08-01, and the export schemas of the FinOps toolkit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Dataset = Literal["ActualCost", "AmortizedCost"]
DATASETS: tuple[Dataset, ...] = ("ActualCost", "AmortizedCost")

COLUMNS: dict[str, str] = {
    "AccountId": "EA: enrollment account.",
    "AccountName": "EA: name of the enrollment account.",
    "AccountOwnerId": "EA: who owns the enrollment account; a keyed hash, because it is an e-mail address.",
    "AdditionalInfo": "What the service adds, a JSON object.",
    "AvailabilityZone": "Availability zone.",
    "BenefitId": "Reservation or savings plan that covers the charge or was bought.",
    "BenefitName": "Its name.",
    "BillingAccountId": "EA: enrollment number; MCA: billing account.",
    "BillingAccountName": "Its name.",
    "BillingCurrency": "ISO 4217 code that the cost is in (EA: BillingCurrencyCode).",
    "BillingPeriodEndDate": "Last day of the billing period.",
    "BillingPeriodStartDate": "First day of the billing period.",
    "BillingProfileId": "MCA: billing profile; EA: the billing account again.",
    "BillingProfileName": "Its name.",
    "ChargeType": "Usage, Purchase, Refund, UnusedReservation, UnusedSavingsPlan, Tax, Credit, RoundingAdjustment, …",
    "ConsumedService": "Resource provider, such as Microsoft.Compute.",
    "CostAllocationRuleName": "Cost allocation rule that moved the cost.",
    "CostCenter": "Cost centre.",
    "CostInBillingCurrency": "The cost (older EA files: Cost or PreTaxCost).",
    "CostInPricingCurrency": "MCA: the cost in the currency that prices are in.",
    "CostInUsd": "MCA: the cost in USD.",
    "CustomerName": "Partner agreements: the customer.",
    "CustomerTenantId": "Partner agreements: the customer's tenant.",
    "Date": "Day of the charge; MM/DD/YYYY or ISO 8601.",
    "EffectivePrice": "Price per unit of measure after discounts and commitments.",
    "ExchangeRateDate": "MCA: day of the exchange rate.",
    "ExchangeRatePricingToBilling": "MCA: pricing currency to billing currency.",
    "Frequency": "OneTime, Recurring or UsageBased.",
    "InvoiceId": "MCA: invoice.",
    "InvoiceSectionId": "Invoice section; EA: department.",
    "InvoiceSectionName": "Its name.",
    "IsAzureCreditEligible": "Whether Azure credit may pay it.",
    "Location": "MCA: data centre, normalised.",
    "MarkupRuleName": "Mark-up rule that was applied.",
    "MeterCategory": "Classification of the meter, such as Virtual Machines.",
    "MeterId": "Meter.",
    "MeterName": "Its name.",
    "MeterRegion": "Region that the meter is for.",
    "MeterSubCategory": "Finer classification of the meter.",
    "OfferId": "EA: offer of the subscription.",
    "PartNumber": "EA: part number on the price sheet.",
    "PartnerEarnedCreditApplied": "Partner agreements: whether partner earned credit was applied.",
    "PartnerName": "Partner agreements: who sends the invoice.",
    "PayGPrice": "Retail price per unit of measure; 0 where Azure does not say it.",
    "PaygCostInBillingCurrency": "MCA: the cost at retail prices.",
    "PaygCostInUsd": "MCA: the cost at retail prices in USD.",
    "PlanName": "Marketplace plan.",
    "PreviousInvoiceId": "MCA: invoice that a refund refers to.",
    "PricingCurrency": "MCA: currency that prices are in.",
    "PricingModel": "OnDemand, Reservation, SavingsPlan or Spot.",
    "ProductId": "MCA: product.",
    "ProductName": "Its name (older EA files: Product).",
    "ProductOrderId": "Order of a purchase; of a reservation: the reservation order.",
    "ProductOrderName": "Its name.",
    "Provider": "MCA: line of business, such as Azure.",
    "PublisherId": "MCA: publisher.",
    "PublisherName": "Its name.",
    "PublisherType": "Azure, Microsoft, Marketplace or AWS.",
    "Quantity": "Units of measure; quantity × effective price is the cost.",
    "ResellerMpnId": "Partner agreements: reseller.",
    "ResellerName": "Its name.",
    "ReservationId": "Reservation that covers the charge; of a purchase: the reservation order.",
    "ReservationName": "Its name.",
    "ResourceGroupName": "Resource group (EA: ResourceGroup).",
    "ResourceId": "Resource, as an Azure resource id.",
    "ResourceLocation": "Data centre.",
    "ResourceLocationNormalized": "EA: data centre, in one spelling.",
    "ResourceName": "EA: its name.",
    "ResourceType": "Query API: type of the resource.",
    "ServiceFamily": "Family of the service, such as Compute.",
    "ServiceInfo1": "Metadata of the service.",
    "ServiceInfo2": "Metadata of the service.",
    "ServiceName": "Query API: service.",
    "ServicePeriodEndDate": "MCA: last day of the service.",
    "ServicePeriodStartDate": "MCA: first day of the service.",
    "SubscriptionId": "Subscription.",
    "SubscriptionName": "Its name.",
    "Tags": "Tags of the resource: a JSON object, or one without its braces.",
    "Term": "Months of a commitment.",
    "UnitOfMeasure": "What quantity counts, such as 10K or 1 Hour.",
    "UnitPrice": "Price per unit of measure that was negotiated.",
}  # fmt: skip
"""Canonical name → meaning. Values are text as delivered."""

_ALIASES = {
    "cost": "CostInBillingCurrency",
    "pretaxcost": "CostInBillingCurrency",
    "billingcurrencycode": "BillingCurrency",
    "currency": "BillingCurrency",
    "product": "ProductName",
    "invoicesection": "InvoiceSectionName",
    "resourcegroup": "ResourceGroupName",
    "usagedate": "Date",
    "usagedatetime": "Date",
    "usagequantity": "Quantity",
    "meter": "MeterName",
    "resourcerate": "EffectivePrice",
    "instanceid": "ResourceId",
    "subscriptionguid": "SubscriptionId",
    "exchangerate": "ExchangeRatePricingToBilling",
}
_BY_FOLDED_NAME = {name.lower(): name for name in COLUMNS}
_REQUIRED = frozenset(("Date", "CostInBillingCurrency", "BillingCurrency", "ChargeType"))
_MCA_ONLY = frozenset(("CostInPricingCurrency", "PaygCostInBillingCurrency", "InvoiceId", "ProductId"))


def canonical_headers(headers: Sequence[str]) -> list[str]:
    """The lake's names of a file's columns; a name that is not known stays as it is.

    An alias gives way to the column that it stands for: a file with ``Cost`` and ``CostInBillingCurrency`` keeps both.
    """
    names = [header.strip() for header in headers]
    given = {name.lower() for name in names}
    taken = {name.lower() for name in names if name.lower() in _BY_FOLDED_NAME}
    result = []
    for name in names:
        folded = name.lower()
        alias = _ALIASES.get(folded)
        if folded in _BY_FOLDED_NAME:
            result.append(_BY_FOLDED_NAME[folded])
        elif alias and alias.lower() not in taken and alias.lower() not in given:
            taken.add(alias.lower())
            result.append(alias)
        else:
            result.append(name)
    return result


def missing_columns(headers: Sequence[str]) -> list[str]:
    """What keeps a header from being one of cost details; empty for one that is."""
    names = set(canonical_headers(headers))
    missing = sorted(_REQUIRED - names)
    return missing if names & {"MeterCategory", "MeterId"} else [*missing, "MeterCategory"]


def guess_agreement(headers: Sequence[str]) -> str:
    """``MCA`` or ``EA``: which agreement's columns the header has."""
    return "MCA" if _MCA_ONLY & set(canonical_headers(headers)) else "EA"


def dataset_of_name(text: str) -> Dataset | None:
    """The dataset that a file or export name speaks of, if it does."""
    folded = text.lower()
    if "amortiz" in folded or "amortis" in folded:
        return "AmortizedCost"
    return "ActualCost" if "actual" in folded else None
