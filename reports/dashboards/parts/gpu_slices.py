"""Slices of GPUs (MIG), and the energy that GPUs take.

Here: two tables of what the GPUs themselves tell.
Not here: pools and use (``gpu_use``).
"""

from __future__ import annotations

from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table


def slices_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select gpu_model, mig_profile, count(distinct gpu_uuid) as gpus,
                  sum(allocated_seconds + idle_seconds) / 3600 as hours, sum(allocated_seconds) / 3600 as held,
                  sum(busy_gpu_seconds) / nullif(sum(allocated_seconds), 0) as busy
           from fct_gpu_hourly
           where mig_profile is not null and usage_hour >= $first and usage_hour < $last::date + 1
           group by 1, 2 order by hours desc""",
    )
    return Table(
        "gpu-slices",
        "Slices (MIG)",
        (
            Column("Slice"),
            Column("GPUs", "number"),
            Column("GPU-hours", "number", "A slice has its part of the GPU's time"),
            Column("Held", "number"),
            Column("Busy of held", "number"),
        ),
        tuple(
            Row(
                (
                    cells.text(row["mig_profile"], small=row["gpu_model"]),
                    cells.count(row["gpus"]),
                    cells.count(row["hours"]),
                    cells.count(row["held"]),
                    cells.share(row["busy"]),
                )
            )
            for row in rows
        ),
        "No GPU is sliced. Apps that keep a whole GPU busy for less than half of its time can share one in slices.",
        export="fct_gpu_hourly",
    )


def energy_table(ask: Ask) -> Table:
    rows = ask.rows(
        """select gpu_model, sum(energy_joules) / 3.6e6 as kwh, sum(busy_gpu_seconds) / 3600 as busy,
                  sum(energy_joules) filter (where allocated_seconds = 0) / 3.6e6 as idle_kwh
           from fct_gpu_hourly
           where energy_joules is not null and usage_hour >= $first and usage_hour < $last::date + 1
           group by 1 order by kwh desc""",
    )
    return Table(
        "gpu-energy",
        "Energy",
        (
            Column("GPU"),
            Column("kWh", "number"),
            Column("kWh per busy hour", "number"),
            Column("kWh while idle", "number"),
        ),
        tuple(
            Row(
                (
                    cells.text(row["gpu_model"]),
                    cells.count(row["kwh"]),
                    Cell(f"{row['kwh'] / row['busy']:.2f}" if row["busy"] else cells.NOTHING, sort=row["kwh"]),
                    cells.count(row["idle_kwh"]),
                )
            )
            for row in rows
        ),
        "No energy is measured. DCGM's counter of total energy, or aifinops collect nvml on a host, tells it.",
        export="fct_gpu_hourly",
    )
