"""What people and other tools read: published marts, exports, dashboards."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtProject

import reports
from orchestration.assets.warehouse import WAREHOUSE_POOL, model_key
from orchestration.dashboards import PAGES_VARIABLE, build_dashboards, pages_to_write
from orchestration.export_delivery import ExportDeliveryError, deliver_exports
from orchestration.publish import public_marts, publish
from orchestration.workspace import Workspace

PUBLISHED_GROUP = "8_published"
FRESH = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26))
"""A daily run and two hours of patience."""


def publishing_assets(project: DbtProject) -> Sequence[dg.AssetsDefinition]:
    manifest = Path(project.manifest_path)
    marts = public_marts(manifest)

    @dg.asset(
        name="published_marts",
        freshness_policy=FRESH,
        deps=[model_key(mart.name) for mart in marts],
        group_name=PUBLISHED_GROUP,
        kinds={"parquet"},
        pool=WAREHOUSE_POOL,
        description="The public marts as Parquet, swapped in as a whole: what reports, exports, guardrails and every "
        "tool outside read.",
    )
    def published_marts(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
        home = workspace.home
        counts = publish(home.warehouse, marts, home.published, version=context.run.run_id)
        return dg.MaterializeResult(
            metadata={
                "marts": len(counts),
                "rows": sum(counts.values()),
                "folder": dg.MetadataValue.path(home.published),
            }
        )

    @dg.asset(
        name="exports",
        deps=[published_marts],
        group_name=PUBLISHED_GROUP,
        kinds={"csv", "parquet"},
        description="Every public mart as CSV and Parquet, large ones by month too, with a data dictionary made from "
        "dbt's contracts, and the workbooks of issued statements.",
    )
    def exports(workspace: Workspace) -> dg.MaterializeResult:
        home = workspace.home
        files = reports.export_marts(
            home.published,
            home.exports,
            reports.read_dictionary(manifest),
            known_at=workspace.as_of(),
            statements_dir=home.statements,
        )
        return dg.MaterializeResult(
            metadata={"files": len(files), "folder": dg.MetadataValue.path(home.exports)},
        )

    @dg.asset(
        name="delivered_exports",
        deps=[exports],
        group_name=PUBLISHED_GROUP,
        retry_policy=dg.RetryPolicy(max_retries=2, delay=30),
        description="The exports at every destination of exports.yml: a whole version, then its manifest.",
    )
    def delivered_exports(context: dg.AssetExecutionContext, workspace: Workspace) -> dg.MaterializeResult:
        destinations = workspace.configuration().exports.destinations
        report, problems, delivered = workspace.reporter(context), [], 0
        for destination in destinations:
            try:
                done = deliver_exports(workspace.home.exports, destination, workspace.environ)
            except ExportDeliveryError as error:  # the others get theirs
                problems.append(str(error))
            else:
                delivered += bool(done.file_count)
                report(done.sentence)
        if problems:
            raise dg.Failure("\n".join(problems))
        return dg.MaterializeResult(metadata={"destinations": len(destinations), "new_versions": delivered})

    @dg.asset(
        name="dashboards",
        freshness_policy=FRESH,
        deps=[published_marts, dg.AssetKey("guardrail_decisions")],
        group_name=PUBLISHED_GROUP,
        kinds={"plotly", "html"},
        description="Pages for executives, finance, on-call, engineers, every team and app, as a folder that works "
        "offline; the overview is its index.html.",
    )
    def dashboards(workspace: Workspace) -> dg.MaterializeResult:
        extent = pages_to_write(workspace.environ)
        if extent == "none":
            return dg.MaterializeResult(metadata={"pages": 0, "why": f"{PAGES_VARIABLE} is none: a portal serves them"})
        policies = workspace.configuration().guardrails.policies
        site = build_dashboards(workspace.home, policies, workspace.as_of(), about=None if extent == "all" else ())
        return dg.MaterializeResult(
            metadata={
                "overview": dg.MetadataValue.path(site.index),
                "open": dg.MetadataValue.url(site.index.as_uri()),
                "pages": len(site.pages),
                "size_bytes": site.size_bytes,
            },
        )

    return [published_marts, exports, delivered_exports, dashboards]
