"""Pages and visuals as PBIR, Power BI's JSON form of reports.

Here: version, report, pages and visuals, each with the schema that it follows.
Not here: what is on the pages (``pages``) and colours (``theme``).
https://github.com/microsoft/json-schemas/tree/main/fabric/item/report/definition
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.powerbi.measure import Measure
from reports.powerbi.names import short_identity
from reports.powerbi.pages import HEIGHT, PAGES, WIDTH, Field, Page, Visual
from reports.powerbi.theme import NAME, colour_of, tokens

SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item"
_REPORT = f"{SCHEMAS}/report/definition"
_VERSIONS = {"visual": "2.1.0", "page": "2.0.0", "report": "3.0.0"}
"""Of mid-2025: what a current Power BI Desktop opens, and one that is not the newest too."""
THEME_FILE = f"{NAME}.json"
_LINES = ("lineChart",)
_COLOURED = (*_LINES, "clusteredBarChart", "clusteredColumnChart")


def version_document() -> dict[str, Any]:
    return {"$schema": f"{_REPORT}/versionMetadata/1.0.0/schema.json", "version": "2.0.0"}


def report_document() -> dict[str, Any]:
    return {
        "$schema": f"{_REPORT}/report/{_VERSIONS['report']}/schema.json",
        "themeCollection": {
            "customTheme": {"name": THEME_FILE, "reportVersionAtImport": _VERSIONS, "type": "RegisteredResources"}
        },
        "resourcePackages": [
            {
                "name": "RegisteredResources",
                "type": "RegisteredResources",
                "items": [{"name": THEME_FILE, "path": THEME_FILE, "type": "CustomTheme"}],
            }
        ],
        "settings": {"useEnhancedTooltips": True},
    }


def pages_document() -> dict[str, Any]:
    names = [page_name(page) for page in PAGES]
    return {
        "$schema": f"{_REPORT}/pagesMetadata/1.0.0/schema.json",
        "pageOrder": names,
        "activePageName": names[0],
    }


def page_document(page: Page) -> dict[str, Any]:
    by_name = {visual.name: visual for visual in page.visuals}
    interactions = [
        {
            "source": visual_name(page, by_name[source]),
            "target": visual_name(page, by_name[target]),
            "type": "NoFilter",
        }
        for source, target in page.unaffected
    ]
    document = {
        "$schema": f"{_REPORT}/page/{_VERSIONS['page']}/schema.json",
        "name": page_name(page),
        "displayName": page.title,
        "displayOption": "FitToPage",
        "height": HEIGHT,
        "width": WIDTH,
    }
    return document | ({"visualInteractions": interactions} if interactions else {})


def page_name(page: Page) -> str:
    return short_identity("page", page.name)


def visual_name(page: Page, visual: Visual) -> str:
    return short_identity("visual", page.name, visual.name)


def visual_document(page: Page, visual: Visual, number: int, measures: Mapping[str, Measure]) -> dict[str, Any]:
    """``number``: position in the order in which a keyboard walks through the page."""
    body: dict[str, Any] = {"visualType": visual.kind}
    if visual.roles:
        query: dict[str, Any] = {
            "queryState": {
                role: {"projections": [_projection(one, measures) for one in fields]}
                for role, fields in visual.roles.items()
            }
        }
        if visual.sort_by is not None:
            direction = "Descending" if visual.descending else "Ascending"
            query["sortDefinition"] = {
                "sort": [{"field": _field(visual.sort_by, measures), "direction": direction}],
                "isDefaultSort": False,
            }
        body["query"] = query
    objects = _objects(visual, measures)
    if objects:
        body["objects"] = objects
    body["visualContainerObjects"] = {
        "title": [{"properties": {"show": _literal(visual.kind != "textbox"), "text": _literal(visual.title)}}],
        "general": [{"properties": {"altText": _literal(visual.alt_text)}}],
    }
    body["drillFilterOtherVisuals"] = True
    return {
        "$schema": f"{_REPORT}/visualContainer/{_VERSIONS['visual']}/schema.json",
        "name": visual_name(page, visual),
        "position": {
            "x": visual.x,
            "y": visual.y,
            "z": number,
            "height": visual.height,
            "width": visual.width,
            "tabOrder": number,
        },
        "visual": body,
    }


def _field(one: Field, measures: Mapping[str, Measure]) -> dict[str, Any]:
    table = one.table or measures[one.name].table
    kind = "Column" if one.table else "Measure"
    return {kind: {"Expression": {"SourceRef": {"Entity": table}}, "Property": one.name}}


def _reference(one: Field, measures: Mapping[str, Measure]) -> str:
    return f"{one.table or measures[one.name].table}.{one.name}"


def _projection(one: Field, measures: Mapping[str, Measure]) -> dict[str, Any]:
    found = {
        "field": _field(one, measures),
        "queryRef": _reference(one, measures),
        "nativeQueryRef": one.name,
    }
    return found | ({"displayName": one.label} if one.label else {})


def _objects(visual: Visual, measures: Mapping[str, Measure]) -> dict[str, Any]:
    if visual.kind == "textbox":
        head, _, note = (visual.text or "").partition("\n")
        return {
            "general": [
                {
                    "properties": {
                        "paragraphs": [
                            {"textRuns": [{"value": head, "textStyle": {"fontWeight": "bold", "fontSize": "18pt"}}]},
                            {
                                "textRuns": [
                                    {"value": note, "textStyle": {"fontSize": "9pt", "color": tokens()["ink-2"]}}
                                ]
                            },
                        ]
                    }
                }
            ]
        }
    if visual.kind == "slicer":
        found: dict[str, Any] = {"data": [{"properties": {"mode": _literal("Dropdown")}}]}
        if visual.single_choice:
            found["selection"] = [{"properties": {"strictSingleSelect": _literal(True)}}]
        return found
    if visual.kind not in _COLOURED:
        return {}
    shown = visual.roles["Y"]
    points = [
        {
            "properties": {"fill": {"solid": {"color": _literal(colour_of(measures[one.name].basis))}}},
            "selector": {"metadata": _reference(one, measures)},
        }
        for one in shown
    ]
    styles = [
        {
            "properties": {"lineStyle": _literal("dashed")},
            "selector": {"metadata": _reference(Field(name), measures)},
        }
        for name in visual.dashed
    ]
    return {"dataPoint": points} | ({"lineStyles": styles} if styles else {})


def _literal(value: str | bool) -> dict[str, Any]:
    text = str(value).lower() if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"
    return {"expr": {"Literal": {"Value": text}}}
