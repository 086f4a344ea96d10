"""What GPUs are used for, and what is paid for time in which nobody uses them.

Here: the order of the parts. Not here: the parts themselves (``parts``), what to do about each finding (``savings``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Note, Page, Section, Tiles
from reports.dashboards.parts import gpu_costs, gpu_idle, gpu_slices, gpu_use, interruptions, training
from reports.dashboards.view import View
from reports.measures.gpu import GpuUse
from reports.measures.missing import Missing
from reports.measures.units import company_cost


def build(view: View) -> Page:
    ask = Ask(view)
    hours = gpu_use.hours_of(ask)
    use = gpu_use.use_of(ask, hours)
    band = gpu_use.band_of(ask)
    idle = gpu_idle.idle_of(ask)
    economics = gpu_costs.economics_of(ask)
    costs = gpu_costs.costs_of(ask, economics)
    billed = company_cost(costs, "gpu_hour_billed")
    runs = training.training_of(ask)
    interrupted = interruptions.interruptions_of(ask)
    tiles = [
        *(gpu_use.tiles(ask, use, band, hours) if isinstance(use, GpuUse) else ()),
        *gpu_idle.tiles(ask, idle, billed),
        *gpu_costs.tiles(ask, costs),
        *interruptions.tiles(ask, interrupted),
        *training.tiles(ask, runs),
    ]
    sections = [Section("short", "In short", ((Tiles(tiles),),))]
    if isinstance(use, GpuUse):
        weekly, nodes = gpu_idle.weekly_of(ask), gpu_idle.nodes_of(ask)
        sections += [
            Section(
                "use",
                "Use",
                (gpu_use.charts(ask, hours, use, band), (gpu_use.pools_table(ask, use, band, idle),)),
                gpu_use.lead(ask, use, band, idle),
            ),
            Section(
                "idle",
                "Idle and scattered",
                (
                    gpu_idle.charts(ask, weekly, nodes),
                    (gpu_idle.money_table(ask, idle), gpu_idle.packing_table(nodes)),
                ),
                gpu_idle.lead(weekly),
            ),
        ]
    sections += [
        Section(
            "cost",
            "Cost per GPU-hour",
            (
                (gpu_costs.hours_chart(ask, economics, costs), gpu_costs.hours_table(ask, costs)),
                (gpu_costs.teams_table(ask, billed),),
            ),
        ),
        Section(
            "training",
            "Training",
            ((training.table(ask, runs),), (training.failed_table(ask),)),
            "Estimated from GPU hours and the price book; the bill has the same GPUs as machines, so nothing of it is "
            "added to billed cost.",
        ),
        Section(
            "interruptions",
            "Interruptions",
            ((interruptions.table(ask, interrupted),), (interruptions.machines_table(ask),)),
        ),
        Section("slices", "Slices and energy", ((gpu_slices.slices_table(ask), gpu_slices.energy_table(ask)),)),
    ]
    states = (Note(use.reason, "warn"),) if isinstance(use, Missing) else ()
    if isinstance(use, GpuUse) and billed is None and not idle:
        states = (
            Note(
                f"No GPU cost in {view.currency} in {view.period.label}: hours are told, money is in another currency "
                "or not on the bill.",
                "warn",
            ),
        )
    return Page("gpu", "GPUs", "Are the GPUs that we pay for at work?", tuple(sections), states)
