"""How long the dashboards of a larger organisation take: 198 apps, 40 teams, 400 days, 11 million rows.

    python -m benchmarks.dashboards [--home .aifinops/demo] [--copies 9] [--sample 4] [--out FOLDER]

Here: the marts of a demo, each app and team copied; building the pages, or those of the company and a sample of teams and
apps; sizes; the time until a browser has drawn the first chart of the largest page.
Not here: whether the pages are right (tests).

Limits: 2 MB a page, 2 s until the first chart is drawn.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

import reports
from finops.paths import PROJECT_DIR
from reports.dashboards import site as sites
from reports.dashboards.access import Published

TEAM_COPIES = 5
LIMIT_BYTES, LIMIT_SECONDS = 2_000_000, 2.0
_IDS = ("incident_id", "budget_id", "allocation_id", "fact_id", "resource_id")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT_DIR / ".aifinops" / "demo")
    parser.add_argument("--copies", type=int, default=9, help="of each app; of each team five")
    parser.add_argument("--sample", type=int, help="only so many teams and apps have pages [default: all]")
    parser.add_argument("--out", type=Path, help="keep the marts and pages here")
    options = parser.parse_args()
    published = (options.home / "published").resolve()
    if not published.is_dir():
        raise SystemExit(f"{options.home} has no published marts; run `make demo` first, or name another with --home")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.out or Path(scratch)
        grown = folder / "published"
        if not grown.exists():
            rows = grow(published, grown, options.copies)
            print(f"{rows:,} rows of marts")
        as_of = reports.reported_moment(reports.read_marts(published))
        started, before = time.perf_counter(), _cpu()
        site = sites.build_site(grown, folder / "site", as_of=as_of, about=_some(grown, options.sample))
        report(site, time.perf_counter() - started, _cpu() - before)


def _cpu() -> float:
    """Seconds of CPU of this process and those that it waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _some(published: Path, count: int | None) -> list[str] | None:
    if count is None:
        return None
    with Published(published) as marts:
        known = sites.scopes(marts)
    return [name for level in known.values() for name in list(level)[:count]]


def grow(published: Path, folder: Path, copies: int) -> int:
    """Copy every row that is an app's or a team's; the rest stays. Rows written."""
    folder.mkdir(parents=True)
    count = 0
    with duckdb.connect() as connection:
        for file in sorted(published.glob("*.parquet")):
            target = folder / file.name
            connection.execute(f"copy ({_grown(file, copies)}) to '{target}' (format parquet)")
            count += pq.read_metadata(target).num_rows
    return count


def _grown(file: Path, copies: int) -> str:
    columns = pq.read_schema(file).names
    changed = {name: f"if(n = 0, {name}, {name} || '-' || n)" for name in _IDS if name in columns}
    whose = "true"
    if "app" in columns:
        changed["app"] = "if(n = 0, app, app || '-' || n)"
        whose = "app is not null"
    if "team" in columns:
        changed["team"] = f"if(n % {TEAM_COPIES} = 0, team, team || '-' || n % {TEAM_COPIES})"
        whose = (
            "(team is not null or app is not null)" if "app" in columns else f"n < {TEAM_COPIES} and team is not null"
        )
    if "scope_value" in columns:
        changed["scope_value"] = (
            f"case scope_type when 'app' then if(n = 0, scope_value, scope_value || '-' || n) when 'team' then"
            f" if(n % {TEAM_COPIES} = 0, scope_value, scope_value || '-' || n % {TEAM_COPIES}) else scope_value end"
        )
        whose = f"(scope_type = 'app' or (scope_type = 'team' and n < {TEAM_COPIES}))"
    if not set(changed) - set(_IDS):
        return f"select * from '{file}'"
    replaced = ", ".join(f"{value} as {name}" for name, value in changed.items())
    return (
        f"select * replace ({replaced}) from '{file}', (select unnest(range({copies})) as n) where n = 0 or {whose}"
    ).replace("select * replace", "select * exclude (n) replace")


def report(site: sites.Site, wall: float, cpu: float) -> None:
    sizes = sorted(((site.folder / page).stat().st_size, page) for page in site.pages)
    size, largest = sizes[-1]
    print(f"| | measured | limit |\n|---|---|---|\n| {len(site.pages)} pages | {wall:.0f} s, {cpu:.0f} s of CPU | |")
    print(f"| largest page, {largest} | {size / 1e6:.2f} MB | {LIMIT_BYTES / 1e6:.0f} MB |")
    print(f"| the folder | {site.size_bytes / 1e6:.0f} MB | |")
    seconds = first_chart(site.folder / largest)
    if seconds is not None:
        print(f"| first chart of it drawn after | {seconds:.2f} s | {LIMIT_SECONDS:.0f} s |")


def first_chart(page: Path) -> float | None:
    """Seconds from the navigation until the first chart is drawn; None without a browser."""
    from selenium.webdriver.support.ui import WebDriverWait

    from tests.support.browser import BROWSER, DRIVER, browsing

    if not (BROWSER and DRIVER):
        return None
    with tempfile.TemporaryDirectory() as profile, browsing(Path(profile)) as driver:
        taken = []
        for _ in range(3):
            driver.get("about:blank")
            started = time.perf_counter()
            driver.get(page.as_uri())
            WebDriverWait(driver, 60, poll_frequency=0.01).until(
                lambda d: d.execute_script("return document.querySelector('.main-svg') !== null")
            )
            taken.append(time.perf_counter() - started)
    return min(taken)


if __name__ == "__main__":
    main()
