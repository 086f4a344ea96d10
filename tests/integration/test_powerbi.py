"""The Power BI project: files as Power BI reads them, over the marts' contracts, with figures equal to our page's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
from typer.testing import CliRunner

from cli.main import app
from orchestration.assets.warehouse import project
from orchestration.manifest import ensure_manifest
from reports.dictionary import Dictionary, DictionaryMart, read_dictionary
from reports.marts import conform
from reports.measures.conversion import AllCurrencies
from reports.measures.missing import Missing
from reports.powerbi import ContractError, PowerBiError, RootError, figures, parse_root, write_project
from reports.powerbi.expressions import Chosen, sql_text
from reports.powerbi.measure import Measure
from reports.powerbi.measures import measures
from reports.powerbi.pages import HEIGHT, PAGES, WIDTH
from reports.powerbi.project import MODEL, NAME, RECORD, REPORT, project_files
from reports.powerbi.star import STAR, links, marts
from reports.powerbi.tmdl import name as tmdl_name
from reports.powerbi.tmdl import table_columns
from reports.powerbi.visuals import page_name, visual_name
from reports.summary import Summary, summarise
from tests.support import mart_factory
from tests.support.powerbi import expected_of_currency, expected_of_team, publish_star, two_currencies
from tests.support.tmdl import Item, TmdlError, column_reference, parse

pytestmark = [pytest.mark.ids("BI-2"), pytest.mark.xdist_group("powerbi")]

ROOT = parse_root("https://account.blob.core.windows.net/finops-marts/aifinops")
_STRING = re.compile(r'"(?:[^"]|"")*"')


@pytest.fixture(scope="module")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Dictionary:
    return read_dictionary(ensure_manifest(project(), {"AIFINOPS_HOME": str(tmp_path_factory.mktemp("home"))}))


@pytest.fixture(scope="module")
def files(dictionary: Dictionary) -> dict[str, str]:
    return project_files(dictionary, ROOT)


@pytest.fixture(scope="module")
def parsed(files: dict[str, str]) -> dict[str, list[Item]]:
    return {path: parse(text) for path, text in files.items() if path.endswith(".tmdl")}


@pytest.fixture(scope="module")
def tables(parsed: dict[str, list[Item]]) -> dict[str, Item]:
    found = {item.name: item for items in parsed.values() for item in items if item.kind == "table"}
    assert len(found) == len(STAR)
    return found


@pytest.fixture(scope="module")
def published(dictionary: Dictionary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_star(two_currencies(), dictionary, tmp_path_factory.mktemp("star"))


@pytest.fixture(scope="module")
def connection(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with figures.connect(published) as connection:
        yield connection


@pytest.fixture(scope="module")
def summary() -> Summary:
    frames = {name: frame for name, frame in two_currencies().items() if name not in _NO_REPORT}
    return summarise({name: conform(name, frame) for name, frame in frames.items()}, as_of=mart_factory.AS_OF)


_NO_REPORT = {
    "dim_date",
    "dim_team",
    "dim_app",
    "dim_model",
    "fct_guardrail_fact_history",
    "fct_statement_line_monthly",
    "fct_unit_cost_daily",
}


def values(connection: duckdb.DuckDBPyConnection, *chosen: Chosen) -> dict[str, float | None]:
    return dict(figures.evaluate(connection, measures(), chosen))


def of_currency(code: str) -> Chosen:
    return Chosen("Currency", "currency", sql_text(code))


def assert_equal(found: dict[str, float | None], expected: dict[str, Any]) -> None:
    told = {name: found[name] for name in expected}
    assert told == {
        name: None if value is None else pytest.approx(float(value), rel=1e-9, abs=1e-6)
        for name, value in expected.items()
    }


# What measures say.


def test_each_currency_says_what_the_page_says(connection: duckdb.DuckDBPyConnection, summary: Summary) -> None:
    assert {line.currency for line in summary.currencies} == {"USD", "EUR"}
    for line in summary.currencies:
        expected = expected_of_currency(line)
        assert {"AI spend change", "Company variance", "Cost per 1M tokens", "Expected this month"} <= set(expected)
        found = values(connection, of_currency(line.currency))
        assert_equal(found, expected)
        parts = [found[name] or 0 for name in ("Tag coverage", "Name coverage", "Shared coverage")]
        assert sum(parts) == pytest.approx(found["Allocation coverage"])
        assert parts[0] > parts[2] > 0


def test_each_team_says_what_the_page_says(connection: duckdb.DuckDBPyConnection, summary: Summary) -> None:
    line = summary.currencies[0]
    teams = [team for team in line.teams if team.spend.team is not None]
    assert len(teams) >= 8
    assert not isinstance(line.coverage, Missing)
    tagged = {one.scope_value: one.tagged_ratio for one in line.coverage.scopes if one.scope_type == "team"}
    for team in teams:
        chosen = (of_currency(line.currency), Chosen("Team", "team", sql_text(str(team.spend.team))))
        found = values(connection, *chosen)
        assert_equal(found, expected_of_team(team))
        assert found["Team tag coverage"] == pytest.approx(float(tagged[str(team.spend.team)] or 0))


def test_money_of_several_currencies_is_blank_or_converted(
    connection: duckdb.DuckDBPyConnection, summary: Summary
) -> None:
    together = summary.together
    assert isinstance(together, AllCurrencies)
    assert together.projected is not None
    found = values(connection)
    assert_equal(
        found,
        {
            "AI spend converted month to date": together.ai_spend,
            "Whole bill converted month to date": together.total_bill,
            "Company projected converted": together.projected,
            "Company budget converted": together.budget,
        },
    )
    money = [m for m in measures() if m.format in ("#,##0.00", "#,##0.0000") and "convert" not in m.name.lower()]
    exempt = {"AI spend of known rates", "Bill of known rates", "Months in 7 days"}
    only_dollars = {"Charged cost", "Charged effective cost"}
    assert "Own unit target" in {m.name for m in money}
    assert len(money) > 50
    assert [m.name for m in money if found[m.name] is not None and m.name not in exempt | only_dollars] == []


def test_a_day_without_rate_makes_the_converted_total_blank(dictionary: Dictionary, tmp_path: Path) -> None:
    frames = two_currencies()
    cost = frames["fct_ai_cost_daily"]
    lost = cost.index[(cost["billing_currency"] == "EUR") & cost["is_ai"]][-1]
    cost.loc[lost, "reporting_effective_cost"] = None
    with figures.connect(publish_star(frames, dictionary, tmp_path)) as connection:
        found = values(connection)
    assert found["AI rows without rate"] == 1
    assert found["AI spend converted"] is None
    assert found["AI spend of known rates"] is not None


def test_a_past_month_is_told_whole(connection: duckdb.DuckDBPyConnection) -> None:
    september = Chosen("Date", "year_month", "'2026-09'")
    found = values(connection, of_currency("USD"), september)
    assert found["AI spend month to date"] == pytest.approx(found["AI spend"])
    newest = values(connection, of_currency("USD"))
    assert found["AI spend"] == pytest.approx(newest["AI spend month before"])
    assert found["Company budget"] is None  # budgets are of the current period


def test_figures_are_printed_for_comparison(published: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "published").symlink_to(published)
    done = CliRunner().invoke(
        app, ["export", "powerbi-figures", "--home", str(home), "--currency", "EUR", "--month", "2026-10", "--csv"]
    )
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "measure,table,value"
    told = next(float(line.rpartition(",")[2]) for line in lines if line.startswith("AI spend month to date,"))
    chosen = (of_currency("EUR"), Chosen("Date", "year_month", "'2026-10'"))
    with figures.connect(published) as connection:
        assert told == values(connection, *chosen)["AI spend month to date"]
    wrong = CliRunner().invoke(app, ["export", "powerbi-figures", "--home", str(home), "--currency", "XXX"])
    assert wrong.exit_code == 1
    assert "no currency is called 'XXX'" in wrong.output


# DAX.


@pytest.mark.parametrize(
    ("measure", "dax"),
    [
        (
            "AI spend",
            "CALCULATE(IF(DISTINCTCOUNTNOBLANK('Cost'[billing_currency]) = 1, SUM('Cost'[effective_cost])), "
            "KEEPFILTERS('Cost'[is_ai] = TRUE()))",
        ),
        (
            "Idle GPU cost",
            "CALCULATE(IF(DISTINCTCOUNTNOBLANK('Cost'[billing_currency]) = 1, SUM('Cost'[effective_cost])), "
            "KEEPFILTERS('Cost'[is_ai] = TRUE()), "
            'KEEPFILTERS(\'Cost\'[idle_kind] IN {"free", "fragmented", "held_unused"}))',
        ),
        ("Incidents", "COUNTROWS('Incident') + 0"),
        ("AI share of bill", "DIVIDE([AI spend month to date], [Whole bill month to date])"),
        (
            "AI spend change",
            "IF(NOT ISBLANK([AI spend month to date]) && NOT ISBLANK([AI spend same days before]), "
            "DIVIDE([AI spend month to date] - [AI spend same days before], [AI spend same days before]))",
        ),
        ("AI spend converted", "IF([AI rows without rate] = 0, [AI spend of known rates])"),
        ("Forecast low", "IF(HASONEVALUE('Date'[date_day]), [Forecast low of days in view])"),
        ("Months in 7 days", "7.0 / 30"),
        (
            "Tokens without price",
            "CALCULATE([Tokens without price by currency], REMOVEFILTERS('Currency'))",
        ),
        (
            "Cost per own unit, 28 days",
            "VAR newest_day = CALCULATE(MAX('Own unit'[usage_date]), "
            "KEEPFILTERS(NOT ISBLANK('Own unit'[trailing_28d_unit_cost])))\n"
            "VAR newest_rows = CALCULATETABLE('Own unit', "
            "KEEPFILTERS(NOT ISBLANK('Own unit'[trailing_28d_unit_cost])), "
            "KEEPFILTERS('Own unit'[usage_date] = newest_day))\n"
            "RETURN IF(DISTINCTCOUNT('Own unit'[unit_id]) = 1 && DISTINCTCOUNT('Own unit'[currency]) = 1 && "
            "DISTINCTCOUNT('Own unit'[team]) = 1 && DISTINCTCOUNT('Own unit'[app]) = 1 && "
            "DISTINCTCOUNT('Own unit'[project]) = 1 && DISTINCTCOUNT('Own unit'[feature]) = 1 && "
            "DISTINCTCOUNT('Own unit'[model]) = 1 && DISTINCTCOUNT('Own unit'[environment]) = 1 && "
            "COUNTROWS(newest_rows) = 1, MAXX(newest_rows, 'Own unit'[trailing_28d_unit_cost]))",
        ),
        (
            "AI spend same days before",
            "VAR billed_day = MAX('Currency'[billed_through])\n"
            "VAR through_day = IF(NOT ISBLANK(billed_day), MIN(MAX('Date'[date_day]), billed_day))\n"
            "VAR first_day = EOMONTH(through_day, -2) + 1\n"
            "VAR last_day = IF(through_day = EOMONTH(through_day, 0), EOMONTH(through_day, -1), "
            "EDATE(through_day, -1))\n"
            "RETURN IF(NOT ISBLANK(through_day), IF(MAX('Currency'[billed_from]) <= first_day, CALCULATE([AI spend], "
            "REMOVEFILTERS('Date'), 'Date'[date_day] >= first_day && 'Date'[date_day] <= last_day)))",
        ),
        (
            "Company budget converted",
            "VAR spending = FILTER(VALUES('Currency'[currency]), NOT ISBLANK([AI spend month to date]))\n"
            "VAR lacking = COUNTROWS(FILTER(spending, ISBLANK([Company budget]) || "
            "ISBLANK(CALCULATE(MAX('Currency'[newest_rate])))))\n"
            "RETURN IF(lacking = 0, SUMX(spending, [Company budget] * CALCULATE(MAX('Currency'[newest_rate]))))",
        ),
    ],
)
def test_each_kind_of_meaning_is_written_as_this_dax(measure: str, dax: str) -> None:
    found = {one.name: one for one in measures()}[measure]
    assert found.meaning.dax() == dax


def test_dax_names_only_what_the_model_has(tables: dict[str, Item]) -> None:
    columns = {(name, column) for name, table in tables.items() for column in table.of("column")}
    known = [measure for table in tables.values() for measure in table.of("measure")]
    assert len(known) == len({name.lower() for name in known}) == len(measures())
    for table in tables.values():
        assert not {name.lower() for name in table.of("column")} & {name.lower() for name in table.of("measure")}
        for measure in table.of("measure").values():
            text = _STRING.sub('""', str(measure.value))
            assert text.count("(") == text.count(")"), measure.name
            for owner, column in re.findall(r"'([^']+)'\[([^\]]+)\]", text):
                assert (owner, column) in columns, (measure.name, owner, column)
            for name in re.findall(r"(?<!')\[([^\]]+)\]", text):
                assert name in known, (measure.name, name)


def test_no_measure_depends_on_itself() -> None:
    by_name = {measure.name: measure for measure in measures()}

    def walk(measure: Measure, above: tuple[str, ...]) -> None:
        assert measure.name not in above, above
        for name in measure.meaning.measures:
            walk(by_name[name], (*above, measure.name))

    for measure in by_name.values():
        walk(measure, ())


# The semantic model.


def test_tables_show_columns_of_the_contracts_with_their_types(
    tables: dict[str, Item], dictionary: Dictionary, published: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    kinds = {"VARCHAR": "string", "DATE": "dateTime", "TIMESTAMP": "dateTime", "BOOLEAN": "boolean", "BIGINT": "int64"}
    for table in STAR:
        shown = tables[table.name].of("column")
        rows = connection.execute(f'DESCRIBE "{table.name}"').fetchall()
        types = {str(row[0]): str(row[1]) for row in rows}
        assert set(shown) == set(types), table.name
        for name, column in shown.items():
            expected = "int64" if types[name] == "HUGEINT" else kinds.get(types[name], "double")
            assert column.properties["dataType"] == expected, (table.name, name)
            assert column.properties["summarizeBy"] == "none"
            assert column.description, (table.name, name)
        assert tables[table.name].description


def test_every_measure_says_what_it_is(tables: dict[str, Item]) -> None:
    for table in tables.values():
        for measure in table.of("measure").values():
            assert measure.description
            assert measure.properties["formatString"]
            assert measure.properties["displayFolder"]


def test_relationships_lead_from_many_rows_to_one(
    parsed: dict[str, list[Item]], tables: dict[str, Item], connection: duckdb.DuckDBPyConnection
) -> None:
    relationships = parsed[f"{MODEL}/definition/relationships.tmdl"]
    pairs = []
    for one in relationships:
        assert one.properties["crossFilteringBehavior"] == "oneDirection"
        table, column = column_reference(str(one.properties["fromColumn"]))
        dimension, key = column_reference(str(one.properties["toColumn"]))
        many, key_column = tables[table].of("column")[column], tables[dimension].of("column")[key]
        assert many.properties["dataType"] == key_column.properties["dataType"]
        assert many.properties["isHidden"] is True
        assert key_column.properties["isKey"] is True
        twice = connection.execute(
            f'SELECT "{key}" FROM "{dimension}" GROUP BY ALL HAVING count(*) > 1 OR "{key}" IS NULL'
        ).fetchall()
        assert twice == [], dimension
        pairs.append((table, dimension))
    assert len(pairs) == len(set(pairs)), "two ways between two tables are ambiguous"
    assert not {table for table, _ in pairs} & {dimension for _, dimension in pairs}, "a star has no chains"


def test_rows_without_a_team_are_hidden_from_engineers(parsed: dict[str, list[Item]], tables: dict[str, Item]) -> None:
    """Default deny: every table with money points to Team, and the role filters Team by who is signed in."""
    for table in STAR:
        if table.is_fact:
            assert "Team" in links()[table.name], table.name
    roles = {
        item.name: item for path, items in parsed.items() if "/roles/" in path for item in items if item.kind == "role"
    }
    assert set(roles) == {"Admin", "Finance", "Eng"}
    assert all(role.properties["modelPermission"] == "read" for role in roles.values())
    assert not roles["Admin"].items
    assert not roles["Finance"].items
    filters = roles["Eng"].of("tablePermission")
    assert set(filters) == {"Team", "App", "Budget month", "Team app", "Team member"}
    assert filters["Budget month"].value == "FALSE()"
    assert all("USERPRINCIPALNAME()" in str(one.value) for name, one in filters.items() if name != "Budget month")
    assert tables["Team member"].properties["isHidden"] is tables["Team app"].properties["isHidden"] is True


def test_the_model_lists_every_table_and_role(parsed: dict[str, list[Item]], tables: dict[str, Item]) -> None:
    listed = [item.name for item in parsed[f"{MODEL}/definition/model.tmdl"] if item.kind == "ref"]
    quoted = {tmdl_name(name).strip("'") for name in tables}
    assert {name.removeprefix("table ").strip("'") for name in listed if name.startswith("table ")} == quoted
    assert tables["Date"].properties["dataCategory"] == "Time"


def test_queries_are_safe_for_the_service(parsed: dict[str, list[Item]], files: dict[str, str]) -> None:
    shared = {item.name: str(item.value) for item in parsed[f"{MODEL}/definition/expressions.tmdl"]}
    everything = "\n".join(files.values())
    assert "Web.Contents(Root, [RelativePath = path" in shared["ReadFile"]
    assert everything.count("Web.Contents(") == 1
    assert "File.Contents" not in everything
    assert "Folder.Files" not in everything
    assert all(name in shared for name in ("Root", "TeamMembers", "RangeStart", "RangeEnd", "Manifest", "Mart"))
    assert shared["RangeStart"].endswith('[IsParameterQuery=true, Type="DateTime", IsParameterQueryRequired=true]')
    for path, items in parsed.items():
        for item in items:
            for partition in item.of("partition").values():
                text = str(partition.properties["source"])
                for opening, closing in ("()", "[]", "{}"):
                    plain = _STRING.sub('""', text)
                    assert plain.count(opening) == plain.count(closing), path


@pytest.mark.parametrize("root", ["/srv/exports", "https://files.example.com/x", "https://finops.example.com/api/v1"])
def test_a_project_of_each_kind_of_root_is_whole(root: str, dictionary: Dictionary) -> None:
    texts: dict[str, str] = {}
    for path, text in project_files(dictionary, parse_root(root)).items():
        if not path.endswith(".tmdl"):
            continue
        for item in parse(text):
            texts |= {item.name: str(item.value)} if item.kind == "expression" else {}
            texts |= {f"{path} {one.name}": str(one.properties["source"]) for one in item.of("partition").values()}
    assert len(texts) > 20
    for name, text in texts.items():
        plain = _STRING.sub('""', text)
        for opening, closing in ("()", "[]", "{}"):
            assert plain.count(opening) == plain.count(closing), name
        for first, second in (("let", "in"), ("if", "then"), ("if", "else")):
            assert len(re.findall(rf"\b{first}\b", plain)) == len(re.findall(rf"\b{second}\b", plain)), name
    called = {
        word for text in texts.values() for word in re.findall(r"\b(?:Mart|ReadFile|Manifest|Marts|TeamOfApp)\b", text)
    }
    assert called <= texts.keys(), "every query that is called is there"


def test_large_tables_are_read_again_by_month(tables: dict[str, Item], dictionary: Dictionary) -> None:
    """The service gives RangeStart and RangeEnd other values for each month; the export has the same marts by month."""
    cut = {table.name: table for table in STAR if "refreshPolicy" in {item.kind for item in tables[table.name].items}}
    assert set(cut) == {"Cost", "Usage", "Unit cost", "Own unit"}
    for name, table in cut.items():
        [policy] = tables[name].of("refreshPolicy").values()
        [partition] = tables[name].of("partition").values()
        text = str(policy.properties["sourceExpression"])
        assert text == partition.properties["source"]
        moment = f"DateTime.From([{table.time_column}])"
        assert f"each {moment} >= RangeStart and {moment} < RangeEnd" in text
        assert f'}}, "{table.time_column}")' in text.splitlines()[1]
        assert policy.properties["policyType"] == "basic"
        assert policy.properties["incrementalGranularity"] == "month"
        mart = dictionary.mart(table.rows.marts[0])
        assert mart is not None
        assert mart.month_column == table.time_column
    by_month = {mart.name for mart in dictionary.marts if mart.month_column}
    assert by_month == {table.rows.marts[0] for table in cut.values()}


def test_queries_read_only_marts_and_columns_of_the_contracts(files: dict[str, str], dictionary: Dictionary) -> None:
    read: dict[str, set[str]] = {}
    for text in files.values():
        for name, columns in re.findall(r'Mart\("([a-z_]+)",\s+\{([^}]+)\}', text):
            read.setdefault(name, set()).update(re.findall(r'"([a-z0-9_]+)"', columns))
        for name in re.findall(r'CurrenciesOf\("([a-z_]+)"\)', text):
            read.setdefault(name, set()).add("currency")
    assert set(read) == set(marts())
    for name, wanted in read.items():
        contract = dictionary.mart(name)
        assert contract is not None, name
        assert wanted <= {column.name for column in contract.columns}, name


def test_rows_of_an_export_are_read_from_the_months_in_range(files: dict[str, str]) -> None:
    text = files[f"{MODEL}/definition/expressions.tmdl"]
    assert '[format] = "parquet_by_month"' in text
    assert "Day([first_day]) < RangeEnd and Day([end_day]) > RangeStart" in text


def test_a_contract_without_a_shown_column_is_an_error(dictionary: Dictionary) -> None:
    changed = tuple(
        DictionaryMart(m.name, m.grain, m.description, tuple(c for c in m.columns if c.name != "effective_cost"))
        for m in dictionary.marts
    )
    with pytest.raises(ContractError, match=r"fct_ai_cost_daily has no column effective_cost .* table Cost"):
        project_files(Dictionary(changed), ROOT)


# The report.


def test_every_file_follows_microsofts_schema(files: dict[str, str], real_data: Path) -> None:
    folder = real_data.parent / "powerbi" / "schemas"
    if not folder.is_dir():
        pytest.skip(f"no schemas of Power BI's files: {folder} does not exist")
    base = "https://developer.microsoft.com/json-schemas/"

    def retrieve(address: str) -> Resource[Any]:
        return Resource.from_contents(
            json.loads((folder / address.removeprefix(base)).read_text(encoding="utf-8-sig")), DRAFT7
        )

    registry: Registry[Any] = Registry(retrieve=retrieve)
    checked = 0
    for path, text in files.items():
        document = json.loads(text) if path.endswith((".json", ".pbip", ".pbir", ".pbism", ".platform")) else {}
        if "$schema" not in document:
            continue
        address = document["$schema"]
        schema = {"$ref": address}
        problems = [
            f"{error.json_path}: {error.message[:200]}"
            for error in jsonschema.Draft7Validator(schema, registry=registry).iter_errors(document)
        ]
        assert problems == [], path
        checked += 1
    shells = ("pbip", ".platform", ".platform", "pbism", "pbir", "version", "report", "pages")
    assert checked == len(shells) + len(PAGES) + sum(len(page.visuals) for page in PAGES)


def test_visuals_show_fields_that_the_model_has(files: dict[str, str], tables: dict[str, Item]) -> None:
    visuals = {path: json.loads(text) for path, text in files.items() if path.endswith("visual.json")}
    assert len(visuals) > 40
    for path, document in visuals.items():
        assert Path(path).parent.name == document["name"]
        container = document["visual"]["visualContainerObjects"]
        assert container["title"][0]["properties"]["text"]["expr"]["Literal"]["Value"].strip("'")
        assert len(container["general"][0]["properties"]["altText"]["expr"]["Literal"]["Value"]) > 15
        for role in document["visual"].get("query", {}).get("queryState", {}).values():
            references = [one["queryRef"] for one in role["projections"]]
            assert len(references) == len(set(references)), path
            for projection in role["projections"]:
                ((kind, field),) = projection["field"].items()
                owner = tables[field["Expression"]["SourceRef"]["Entity"]]
                assert field["Property"] in owner.of(kind.lower()), (path, field)


def test_all_currencies_are_shown_whichever_is_chosen(files: dict[str, str]) -> None:
    """The slicer always has one currency chosen; the table of all of them must not follow it."""
    executive = PAGES[0]
    document = json.loads(files[f"{REPORT}/definition/pages/{page_name(executive)}/page.json"])
    names = {visual_name(executive, visual): visual.name for visual in executive.visuals}
    assert [(names[one["source"]], names[one["target"]], one["type"]) for one in document["visualInteractions"]] == [
        ("choose-currency", "all-currencies", "NoFilter")
    ]


def test_nothing_overlaps_on_a_page() -> None:
    for page in PAGES:
        for number, one in enumerate(page.visuals):
            assert one.x >= 0
            assert one.y >= 0
            assert one.x + one.width <= WIDTH, (page.name, one.name)
            assert one.y + one.height <= HEIGHT
            for other in page.visuals[number + 1 :]:
                apart = (
                    one.x + one.width <= other.x
                    or other.x + other.width <= one.x
                    or one.y + one.height <= other.y
                    or other.y + other.height <= one.y
                )
                assert apart, (page.name, one.name, other.name)


def test_billed_estimated_and_expected_have_colours_of_their_own(files: dict[str, str]) -> None:
    theme = json.loads(files[f"{REPORT}/StaticResources/RegisteredResources/{NAME}.json"])
    colours: dict[str, str] = {}
    for path, text in files.items():
        if path.endswith("visual.json"):
            for point in json.loads(text)["visual"].get("objects", {}).get("dataPoint", []):
                value = point["properties"]["fill"]["solid"]["color"]["expr"]["Literal"]["Value"].strip("'")
                colours[point["selector"]["metadata"]] = value
    distinct = {
        colours[name] for name in ("Cost.AI spend", "Cost.AI billed", "Usage.Estimated cost", "Forecast.Forecast")
    }
    assert len(distinct) == 4
    assert distinct <= set(theme["dataColors"])
    assert "'dashed'" in json.dumps([text for text in files.values() if "lineStyles" in text])


# Writing.


def test_the_same_contracts_give_the_same_bytes(dictionary: Dictionary, tmp_path: Path) -> None:
    first = write_project(tmp_path / "a", dictionary, ROOT)
    before = {p.relative_to(first.path): p.read_bytes() for p in first.path.rglob("*") if p.is_file()}
    again = write_project(tmp_path / "a", dictionary, ROOT)
    after = {p.relative_to(again.path): p.read_bytes() for p in again.path.rglob("*") if p.is_file()}
    assert before == after
    assert first.file_count == len(before)


def test_somebodys_changes_are_not_overwritten(dictionary: Dictionary, tmp_path: Path) -> None:
    out = tmp_path / "project"
    write_project(out, dictionary, ROOT)
    (out / MODEL / ".pbi").mkdir()
    (out / MODEL / ".pbi" / "cache.abf").write_bytes(b"data that Power BI keeps")
    write_project(out, dictionary, ROOT)
    cost = out / MODEL / "definition" / "tables" / "Cost.tmdl"
    cost.write_text(cost.read_text() + "\n")
    with pytest.raises(PowerBiError, match=r"was changed since it was written \(.*Cost\.tmdl\).*--replace"):
        write_project(out, dictionary, ROOT)
    write_project(out, dictionary, ROOT, replace=True)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(PowerBiError, match=r"notes\.txt"):
        write_project(out, dictionary, ROOT)
    (out / RECORD).unlink()
    with pytest.raises(PowerBiError, match="no export of this program"):
        write_project(out, dictionary, ROOT)
    assert (out / "notes.txt").read_text() == "mine"


def test_the_command_writes_a_project_over_the_homes_exports(tmp_path: Path) -> None:
    out = tmp_path / "project"
    command = ["export", "powerbi", "--out", str(out), "--home", str(tmp_path / "home")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    shared = parse((out / MODEL / "definition" / "expressions.tmdl").read_text())
    texts = {item.name: str(item.value) for item in shared}
    assert texts["Root"].startswith(f'"{tmp_path}/home/exports" meta')
    assert 'File.Contents(Root & "/" & path)' in texts["ReadFile"]
    assert "Web.Contents" not in texts["ReadFile"]
    wrong = CliRunner().invoke(app, [*command, "--root", "s3://bucket/aifinops"])
    assert wrong.exit_code == 1
    assert "cannot read s3:// addresses" in " ".join(wrong.output.split())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("az://c@acc.dfs.core.windows.net/a/b", "https://acc.blob.core.windows.net/c/a/b"),
        ("abfss://c@acc.blob.core.windows.net", "https://acc.blob.core.windows.net/c"),
        ("https://acc.dfs.core.windows.net/c/a/", "https://acc.blob.core.windows.net/c/a"),
        ("https://files.example.com/x/", "https://files.example.com/x"),
        ("C:\\exports\\", "C:\\exports"),
        ("/srv/exports/", "/srv/exports"),
    ],
)
def test_addresses_of_exports_become_what_power_bi_reads(text: str, address: str) -> None:
    assert parse_root(text).address == address


@pytest.mark.parametrize(
    "text", ["", "s3://b/x", "http://x/y", "https://acc.blob.core.windows.net/c?sig=abc", "https://u:p@x/y"]
)
def test_an_address_with_a_secret_or_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(RootError):
        parse_root(text)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), min_size=1)
)
def test_any_name_is_read_back(name: str) -> None:
    text = f"table {tmdl_name(name)}\n\tdataCategory: x\n"
    (item,) = parse(text)
    assert (item.kind, item.name) == ("table", name)


@pytest.mark.parametrize(
    "text",
    [
        "table A",
        "table A\n lineageTag: x\n",
        "table A\n\t\tlineageTag: x\n",
        "table A\n\tcolour: red\n",
        "table A\n\tmeasure B =\n\t\tformatString: 0\n",
        "/// text\n",
        "table A\ntable A\n",
        "measure A = 1\n",
        "table A\n\tcolumn B\n\t\tdataType: text\n",
        "table A\n\tpartition B = sql\n\t\tmode: import\n",
        "table A\n\tlineageTag: 1\n",
        "table A\n\trefreshPolicy\n\t\tincrementalGranularity: hour\n",
        "table A\n\trefreshPolicy\n\t\tsourceExpression: let x = 1 in x\n",
        "refreshPolicy\n\tpolicyType: basic\n",
    ],
)
def test_the_reader_of_these_tests_is_strict(text: str) -> None:
    with pytest.raises(TmdlError):
        parse(text)


def test_columns_are_described_once(dictionary: Dictionary) -> None:
    for table in STAR:
        names = [column.name for column in table_columns(table, dictionary)]
        assert len(names) == len(set(names)), table.name
