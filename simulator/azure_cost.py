"""The same bill in Cost Management's older datasets: actual and amortised cost, in EA or MCA columns.

Here: rows of both datasets, made from the FOCUS exports on disk, and exports of them.
Not here: the bill (``simulator.bill``), its runs (``simulator.exports``), the API (``server.cost_management``).

Every run of the FOCUS export gives one run of each dataset with the same month and moment, so restatements, late days
and the closing of months are the same in all of them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from simulator.bill import amount
from simulator.billing_accounts import GROUP
from simulator.randomness import stable_uuid

Dataset = Literal["ActualCost", "AmortizedCost"]
Agreement = Literal["EA", "MCA"]
Row = Mapping[str, str]
DATASETS: tuple[Dataset, ...] = ("ActualCost", "AmortizedCost")
EXPORT_NAMES: dict[Dataset, str] = {"ActualCost": "ai-actual-cost", "AmortizedCost": "ai-amortized-cost"}
ROOT_FOLDER = "cost-details"
DATA_VERSION = "2024-08-01"
_ROWS_PER_PART = 5_000

_MCA_HEADER = (
    "invoiceId,previousInvoiceId,billingAccountId,billingAccountName,billingProfileId,billingProfileName,"
    "invoiceSectionId,invoiceSectionName,resellerName,resellerMpnId,costCenter,billingPeriodEndDate,"
    "billingPeriodStartDate,servicePeriodEndDate,servicePeriodStartDate,date,serviceFamily,productOrderId,"
    "productOrderName,consumedService,meterId,meterName,meterCategory,meterSubCategory,meterRegion,ProductId,"
    "ProductName,SubscriptionId,subscriptionName,publisherType,publisherId,publisherName,resourceGroupName,ResourceId,"
    "resourceLocation,location,effectivePrice,quantity,unitOfMeasure,chargeType,billingCurrency,pricingCurrency,"
    "costInBillingCurrency,costInPricingCurrency,costInUsd,paygCostInBillingCurrency,paygCostInUsd,"
    "exchangeRatePricingToBilling,exchangeRateDate,isAzureCreditEligible,serviceInfo1,serviceInfo2,additionalInfo,tags,"
    "PayGPrice,frequency,term,reservationId,reservationName,pricingModel,unitPrice,costAllocationRuleName,benefitId,"
    "benefitName,provider"
)
_EA_HEADER = (
    "InvoiceSectionName,AccountName,AccountOwnerId,SubscriptionId,SubscriptionName,ResourceGroup,ResourceLocation,Date,"
    "ProductName,MeterCategory,MeterSubCategory,MeterId,MeterName,MeterRegion,UnitOfMeasure,Quantity,EffectivePrice,"
    "CostInBillingCurrency,CostCenter,ConsumedService,ResourceId,Tags,OfferId,AdditionalInfo,ServiceInfo1,ServiceInfo2,"
    "ResourceName,ReservationId,ReservationName,UnitPrice,ProductOrderId,ProductOrderName,Term,PublisherType,"
    "PublisherName,ChargeType,Frequency,PricingModel,AvailabilityZone,BillingAccountId,BillingAccountName,"
    "BillingCurrencyCode,BillingPeriodStartDate,BillingPeriodEndDate,BillingProfileId,BillingProfileName,"
    "InvoiceSectionId,IsAzureCreditEligible,PartNumber,PayGPrice,PlanName,ServiceFamily,CostAllocationRuleName,"
    "benefitId,benefitName,AccountId,ResourceLocationNormalized"
)
HEADERS: dict[Agreement, tuple[str, ...]] = {
    "EA": tuple(_EA_HEADER.split(",")),
    "MCA": tuple(_MCA_HEADER.split(",")),
}
_EA_NAMES = {"resourcegroup": "resourcegroupname", "billingcurrencycode": "billingcurrency"}


@dataclass(frozen=True)
class FocusRun:
    """One run of the FOCUS export as it lies on disk."""

    folder: Path
    root: Path
    manifest: Mapping[str, Any]

    @property
    def submitted_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["runInfo"]["submittedTime"])

    @property
    def month(self) -> str:
        return str(self.manifest["runInfo"]["startDate"])[:10]

    def rows(self) -> Iterator[dict[str, str]]:
        """FOCUS rows, empty text for null."""
        for blob in self.manifest["blobs"]:
            path = self.root / blob["blobName"]
            if path.suffix == ".parquet":
                for row in pq.read_table(path).to_pylist():
                    yield {name: _text(value) for name, value in row.items()}
            else:
                with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                    yield from csv.DictReader(file)


def focus_runs(root: Path) -> list[FocusRun]:
    """All runs below the container of a generated organisation, oldest first."""
    runs = [
        FocusRun(path.parent, root, json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(root.rglob("manifest.json"))
    ]
    return sorted(runs, key=lambda run: (run.submitted_at, run.month))


def newest_runs(root: Path, as_of: datetime) -> list[FocusRun]:
    """The run that shows each month as it is known at a moment."""
    newest: dict[str, FocusRun] = {}
    for run in focus_runs(root):
        if run.submitted_at <= as_of:
            newest[run.month] = run
    return [newest[month] for month in sorted(newest)]


def detail_row(focus: Row, dataset: Dataset) -> dict[str, str] | None:
    """A FOCUS row as one dataset tells it, under lower-case names; None where it does not have that charge.

    The actual dataset has what is invoiced: commitments when they are bought, free usage of them. The amortised one has
    neither purchases nor anything free: their cost is spread over the usage, and what is left is unused.
    """
    commitment = focus["CommitmentDiscountType"].replace(" ", "")
    is_bought = focus["ChargeCategory"] == "Purchase" and bool(commitment)
    is_unused = focus["CommitmentDiscountStatus"] == "Unused"
    if (is_bought and dataset == "AmortizedCost") or (is_unused and dataset == "ActualCost"):
        return None
    cost = focus["BilledCost"] if dataset == "ActualCost" else focus["EffectiveCost"]
    if is_unused:
        charge = f"Unused{commitment}"
    else:
        charge = "Refund" if focus["ChargeClass"] == "Correction" else focus["ChargeCategory"]
    quantity = focus["PricingQuantity"]
    price = Decimal(cost) / Decimal(quantity) if quantity and Decimal(quantity) else Decimal(0)
    resource_kind = focus["x_ResourceType"].split("/")[0]
    order = focus["CommitmentDiscountId"].split("/")
    reservation = order[-1] if commitment == "Reservation" else ""
    details = json.loads(focus["SkuPriceDetails"]) if focus["SkuPriceDetails"] else {}
    return {
        "invoiceid": focus["InvoiceId"],
        "billingaccountid": focus["x_BillingAccountId"],
        "billingaccountname": focus["x_BillingAccountName"],
        "billingprofileid": focus["x_BillingProfileId"],
        "billingprofilename": focus["x_BillingProfileName"],
        "invoicesectionid": focus["x_InvoiceSectionId"],
        "invoicesectionname": focus["x_InvoiceSectionName"],
        "costcenter": focus["x_CostCenter"],
        "billingperiodstartdate": _day(focus["BillingPeriodStart"]),
        "billingperiodenddate": _day(focus["BillingPeriodEnd"], -1),
        "serviceperiodstartdate": _day(focus["x_ServicePeriodStart"]),
        "serviceperiodenddate": _day(focus["x_ServicePeriodEnd"], -1),
        "date": _day(focus["ChargePeriodStart"]),
        "servicefamily": focus["x_SkuServiceFamily"],
        "productorderid": focus["x_SkuOrderId"],
        "productordername": focus["x_SkuOrderName"],
        "consumedservice": "Microsoft.Capacity" if is_bought else resource_kind,
        "meterid": focus["x_SkuMeterId"],
        "metername": focus["SkuMeter"],
        "metercategory": focus["x_SkuMeterCategory"],
        "metersubcategory": focus["x_SkuMeterSubcategory"],
        "meterregion": focus["x_SkuRegion"],
        "productid": focus["SkuId"],
        "productname": focus["ChargeDescription"],
        "subscriptionid": focus["SubAccountId"].rsplit("/", 1)[-1],
        "subscriptionname": focus["SubAccountName"],
        "publishertype": "Marketplace" if focus["x_PublisherCategory"] == "Vendor" else "Azure",
        "publisherid": focus["x_PublisherId"],
        "publishername": focus["PublisherName"],
        "resourcegroupname": focus["x_ResourceGroupName"],
        "resourceid": focus["ResourceId"],
        "resourcename": focus["ResourceName"],
        "resourcelocation": focus["RegionId"],
        "location": focus["RegionName"],
        "effectiveprice": amount(price),
        "quantity": quantity,
        "unitofmeasure": focus["x_PricingUnitDescription"],
        "chargetype": charge,
        "billingcurrency": focus["BillingCurrency"],
        "pricingcurrency": focus["PricingCurrency"],
        "costinbillingcurrency": cost,
        "costinpricingcurrency": cost,
        "costinusd": cost,
        "paygcostinbillingcurrency": focus["ListCost"],
        "paygcostinusd": focus["ListCost"],
        "exchangeratepricingtobilling": "1",
        "exchangeratedate": _day(focus["BillingPeriodStart"]),
        "isazurecrediteligible": focus["x_SkuIsCreditEligible"],
        "additionalinfo": json.dumps({name.removeprefix("x_"): value for name, value in details.items()})
        if details
        else "",
        "tags": focus["Tags"],
        "paygprice": focus["ListUnitPrice"],
        "frequency": focus["ChargeFrequency"].replace("-", ""),
        "term": focus["x_SkuTerm"],
        "reservationid": reservation,
        "reservationname": focus["CommitmentDiscountName"] if reservation else "",
        "pricingmodel": commitment or {"Dynamic": "Spot"}.get(focus["PricingCategory"], "OnDemand"),
        "unitprice": focus["ContractedUnitPrice"],
        "benefitid": focus["CommitmentDiscountId"],
        "benefitname": focus["CommitmentDiscountName"],
        "partnumber": focus["x_SkuPartNumber"],
        "resourcelocationnormalized": focus["RegionId"],
        "provider": "Azure",
    }


def csv_text(rows: Iterable[Row], agreement: Agreement) -> str:
    """Detail rows as a file of one agreement. EA files write tags without their braces."""
    header = HEADERS[agreement]
    names = [_EA_NAMES.get(name.lower(), name.lower()) for name in header]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        tags = row["tags"][1:-1] if agreement == "EA" else row["tags"]
        writer.writerow([tags if name == "tags" else row.get(name, "") for name in names])
    return buffer.getvalue()


def write_cost_exports(
    organisation: Path, out: Path, *, agreement: Agreement = "MCA", overwrite: bool = False, compressed: bool = True
) -> int:
    """Write exports of both datasets for every run of an organisation's FOCUS export.

    Args:
        organisation: a generated folder.
        out: stands for the storage container.
        overwrite: as exports that overwrite the previous report: one run per month, the newest, in one folder.

    Returns:
        The number of runs written.
    """
    runs = focus_runs(organisation / "azure-exports")
    if overwrite:
        runs = list({run.month: run for run in runs}.values())
    for run in runs:
        rows = list(run.rows())
        for dataset in DATASETS:
            details = [detail for row in rows if (detail := detail_row(row, dataset)) is not None]
            _write_run(out, run, dataset, details, agreement, overwrite=overwrite, compressed=compressed)
    return len(runs) * len(DATASETS)


def _write_run(
    out: Path,
    run: FocusRun,
    dataset: Dataset,
    details: list[dict[str, str]],
    agreement: Agreement,
    *,
    overwrite: bool,
    compressed: bool,
) -> None:
    run_id = stable_uuid("cost-details", dataset, run.manifest["runInfo"]["runId"])
    span = "-".join(run.manifest["runInfo"][name][:10].replace("-", "") for name in ("startDate", "endDate"))
    folder = f"{ROOT_FOLDER}/{EXPORT_NAMES[dataset]}/{span}" + ("" if overwrite else f"/{run_id}")
    (out / folder).mkdir(parents=True, exist_ok=True)
    blobs = []
    for number, start in enumerate(range(0, max(len(details), 1), _ROWS_PER_PART)):
        part = details[start : start + _ROWS_PER_PART]
        content = csv_text(part, agreement).encode("utf-8-sig")
        name = f"part_{number}_0001.csv{'.gz' if compressed else ''}"
        content = gzip.compress(content, compresslevel=3, mtime=0) if compressed else content
        (out / folder / name).write_bytes(content)
        blobs.append({"blobName": f"{folder}/{name}", "byteCount": len(content), "dataRowCount": len(part)})
    manifest = {
        **run.manifest,
        "byteCount": sum(int(str(blob["byteCount"])) for blob in blobs),
        "blobCount": len(blobs),
        "dataRowCount": len(details),
        "exportConfig": {
            **run.manifest["exportConfig"],
            "exportName": EXPORT_NAMES[dataset],
            "resourceId": f"{GROUP.profile_id}/providers/Microsoft.CostManagement/exports/{EXPORT_NAMES[dataset]}",
            "dataVersion": DATA_VERSION,
            "type": dataset,
        },
        "deliveryConfig": {
            **run.manifest["deliveryConfig"],
            "dataOverwriteBehavior": "OverwritePreviousReport" if overwrite else "CreateNewReport",
            "fileFormat": "Csv",
            "compressionMode": "Gzip" if compressed else "None",
        },
        "runInfo": {**run.manifest["runInfo"], "runId": run_id},
        "blobs": blobs,
    }
    (out / folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _day(moment: str, offset: int = 0) -> str:
    """``2026-10-01T00:00:00Z`` → ``10/01/2026``."""
    if not moment:
        return ""
    return f"{date.fromisoformat(moment[:10]) + timedelta(days=offset):%m/%d/%Y}"


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%SZ}"
        case Decimal():
            return amount(value)
        case _:
            return str(value)
