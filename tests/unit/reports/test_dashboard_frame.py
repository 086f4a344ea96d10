"""Dashboards' HTML: nothing in the data is markup, figures are there once, every link leads somewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path

import pytest
import yaml

from reports.dashboards.drawing import gauge_shape, spark_lines
from reports.dashboards.model import Gauge
from reports.dashboards.render import render_document
from reports.dashboards.site import path_of, slug
from reports.dashboards.variants import packed
from tests.support.html_structure import Structure
from tests.support.sample_dashboard import (
    PERIODS,
    sample_contents,
    sample_document,
    sample_figure,
    sample_frame,
)

HOSTILE_NAMES = [
    "../../etc/passwd",
    "a/b",
    "A/B",
    "Search",
    "search",
    "søk",
    "søk ",
    "con",
    "",
    ".",
    "x" * 300,
    "x" * 301,
]


@pytest.fixture(scope="module")
def document() -> str:
    return sample_document()


def own_script(page: str, name: str) -> str:
    found = re.search(rf'<script type="application/json" id="page-{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.ids("SEC-2", "BI-1")
def test_names_from_the_data_are_text_wherever_they_stand(document: str) -> None:
    outside = re.sub(r"<script.*?</script>", "", document, flags=re.DOTALL)
    assert "<img" not in outside
    assert "onerror=" not in re.sub(r"&lt;img src=x onerror=", "", outside)
    assert outside.count("&lt;img src=x") > 20
    assert "javascript:" not in outside
    for name in ("figures", "variants"):
        assert not set("<>&") & set(own_script(document, name))
    bars = next(iter(json.loads(own_script(document, "figures")).values()))["data"][0]
    assert bars["x"][1].startswith("&lt;/script&gt;")  # Plotly reads names as markup


@pytest.mark.ids("SEC-2")
def test_scripts_run_by_their_hash_only(document: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', document)
    assert policy
    scripts = re.findall(r"<script>(.*?)</script>", document, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = re.search(r"script-src ([^;]+);", policy[1])
    assert allowed
    assert allowed[1].split() == [f"'sha256-{text}'" for text in hashes] + ["'strict-dynamic'"]
    assert "default-src 'none'" in policy[1]
    assert "form-action 'none'" in policy[1]
    assert not re.search(r"<[a-z]+[^>]* on[a-z]+=", re.sub(r"<script.*?</script>", "", document, flags=re.DOTALL))


@pytest.mark.ids("BI-1")
def test_the_html_is_well_formed_and_every_part_is_named(document: str) -> None:
    page = re.sub(r"<(script|style).*?</\1>", "", document, flags=re.DOTALL).replace("<input", "<link")
    found = Structure(re.sub(r"<noscript>.*?</noscript>", "", page))
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.anchors) - {""} <= set(found.ids)
    assert found.unlabelled == []
    assert found.tables == found.captions == 2
    assert found.headings[0] == 1
    assert all(later - earlier <= 1 for earlier, later in zip(found.headings, found.headings[1:], strict=False))


@pytest.mark.ids("BI-1")
def test_what_periods_share_is_in_the_page_once() -> None:
    contents, frame = sample_contents(), sample_frame()
    first = contents["USD", PERIODS[0].key]
    document = json.loads(packed(contents, frame))
    chunks = {name: json.loads(zlib.decompress(base64.b64decode(text))) for name, text in document["chunks"].items()}
    figures = [key for chunk in chunks.values() for key in chunk["figures"]]
    assert len(figures) == len(set(figures))
    assert not set(figures) & set(first.figures)
    fragments = [text for chunk in chunks.values() for text in chunk["fragments"].values()]
    assert len(fragments) == len(set(fragments))

    # Every variant can be put together again from the page, to the letter.
    for (currency, period), content in contents.items():
        order = document["currencies"][currency]["variants"][period]
        if content is first:
            assert order == []
            continue
        known = chunks.get("shared", {"fragments": {}})["fragments"] | chunks[f"{currency} {period}"]["fragments"]
        assert "".join(known[str(number)] for number in order) == content.html
        drawn = {**first.figures, **chunks["shared"]["figures"], **chunks[f"{currency} {period}"]["figures"]}
        assert set(content.figures) <= set(drawn)
    assert len(contents) == len(PERIODS) + 2


@pytest.mark.ids("BI-1")
def test_equal_figures_have_one_key_and_others_another() -> None:
    contents = sample_contents()
    keys = {key for content in contents.values() for key in content.figures}
    lengths = {period.days for period in PERIODS}
    assert len(keys) == len(lengths | {2})
    assert sample_figure(2.0) == sample_figure(2.0)


@pytest.mark.ids("BI-1")
def test_a_live_page_asks_the_server_and_holds_one_period() -> None:
    contents = sample_contents()
    page = render_document(contents["EUR", PERIODS[0].key], sample_frame(asks_server=True))
    assert 'method="get" data-server' in page
    assert "form-action 'self'" in page
    assert 'id="page-variants"' not in page
    assert "<noscript><button>Show</button></noscript>" in page


@pytest.mark.ids("OPS-1", "BI-1")
def test_the_lineage_of_dashboards_names_every_mart_that_pages_read(project_dir: Path) -> None:
    folder = project_dir / "reports" / "dashboards"
    texts = [path.read_text("utf-8") for path in folder.rglob("*.py") if path.name != "access.py"]
    read = set(re.findall(r"\b(?:fct|dim)_[a-z0-9_]+", "".join(texts)))
    exposures = yaml.safe_load((project_dir / "dbt_project" / "models" / "exposures.yml").read_text("utf-8"))
    depends = next(one["depends_on"] for one in exposures["exposures"] if one["name"] == "dashboards")
    assert {f"ref('{mart}')" for mart in read} == set(depends)


@pytest.mark.ids("SEC-2", "BI-1")
def test_files_of_any_name_are_safe_and_never_the_same() -> None:
    names = [*HOSTILE_NAMES, slug("Search"), slug(".")]
    slugs = [slug(name) for name in names]
    assert len({text.casefold() for text in slugs}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,80}", text) for text in slugs)
    assert slug("product-search") == "product-search"
    assert path_of("team", "product-search") == "team/product-search.html"
    assert path_of("executive") == "index.html"


def test_a_line_breaks_where_a_day_has_no_value() -> None:
    assert spark_lines([1.0, None, 1.0, 1.0]) == ["0.0,1.0 1.5,1.0", "66.7,1.0 100.0,1.0"]
    assert spark_lines([None, None]) == []
    assert spark_lines([-1.0, 1.0]) == ["0.0,23.0 100.0,1.0"]
    assert spark_lines([0.0, 0.0]) == ["0.0,23.0 100.0,23.0"]


def test_a_gauge_has_the_whole_inside_it() -> None:
    shape = gauge_shape(Gauge(0.5, 2.0))
    assert (shape.used, shape.projected, shape.whole) == ("25.0%", "100.0%", "50.0%")
    assert gauge_shape(Gauge(0.5)).whole == "80.0%"
