"""A strict reader of TMDL, so that what is written for Power BI is parsed by something that did not write it.

Here: objects, properties, expressions and descriptions by indentation; anything unusual is an error.
Not here: what a model means (the tests).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

OBJECTS = {
    "database": {"compatibilityLevel"},
    "model": {"culture", "defaultPowerBIDataSourceVersion", "discourageImplicitMeasures", "sourceQueryCulture"},
    "dataAccessOptions": {"legacyRedirects", "returnErrorValuesAsNull"},
    "table": {"lineageTag", "dataCategory", "isHidden"},
    "measure": {"formatString", "displayFolder", "lineageTag", "isHidden"},
    "column": {
        "dataType",
        "isKey",
        "isHidden",
        "formatString",
        "lineageTag",
        "summarizeBy",
        "sourceColumn",
        "sortByColumn",
        "isNameInferred",
    },
    "partition": {"mode", "source"},
    "refreshPolicy": {
        "policyType",
        "rollingWindowGranularity",
        "rollingWindowPeriods",
        "incrementalGranularity",
        "incrementalPeriods",
        "sourceExpression",
    },
    "relationship": {"crossFilteringBehavior", "fromColumn", "toColumn"},
    "expression": {"lineageTag"},
    "role": {"modelPermission"},
    "tablePermission": set(),
    "annotation": set(),
    "ref": set(),
}
PARENTS = {
    "dataAccessOptions": "model",
    "measure": "table",
    "column": "table",
    "partition": "table",
    "refreshPolicy": "table",
    "tablePermission": "role",
}
BOOLEANS = {
    "isHidden",
    "isKey",
    "isNameInferred",
    "discourageImplicitMeasures",
    "legacyRedirects",
    "returnErrorValuesAsNull",
}
_GRANULARITY, _COUNT = "day|month|quarter|year", "[1-9][0-9]*"
_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
VALUES = {
    "compatibilityLevel": "1[5-9][0-9]{2}",
    "crossFilteringBehavior": "oneDirection|bothDirections|automatic",
    "dataType": "string|int64|double|dateTime|decimal|boolean|binary|variant",
    "defaultPowerBIDataSourceVersion": "powerBI_V[123]",
    "incrementalGranularity": _GRANULARITY,
    "incrementalPeriods": _COUNT,
    "lineageTag": _GUID,
    "mode": "import|directQuery|dual|directLake|push",
    "modelPermission": "none|read|readRefresh|refresh|administrator",
    "policyType": "basic",
    "rollingWindowGranularity": _GRANULARITY,
    "rollingWindowPeriods": _COUNT,
    "summarizeBy": "none|sum|average|min|max|count|distinctCount",
}
"""What Microsoft's object model takes: https://learn.microsoft.com/dotnet/api/microsoft.analysisservices.tabular."""
DEFAULTS = {"partition": "m|calculated|calculationGroup|entity|policyRange"}
"""What may stand behind the ``=`` of an object that is no expression."""
EXPRESSIONS = {"source", "sourceExpression"}
_NAME = r"(?:'(?:[^']|'')+'|[A-Za-z_][A-Za-z0-9_]*|[0-9a-f]{8}-[0-9a-f-]{27})"
_DECLARATION = re.compile(rf"(?P<kind>[A-Za-z]+)(?: (?P<name>{_NAME}(?: {_NAME})?))?(?: =(?: (?P<value>.+))?)?")
_PROPERTY = re.compile(r"(?P<key>[A-Za-z]+)(?:: (?P<value>.+)| =)")


class TmdlError(ValueError):
    """Text that is no TMDL as Power BI writes it; the message names the line."""


@dataclass
class Item:
    kind: str
    name: str
    value: str | None = None
    description: str | None = None
    properties: dict[str, str | bool] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, Item]:
        return {item.name: item for item in self.items if item.kind == kind}


def parse(text: str) -> list[Item]:
    """The top objects of a file.

    Raises:
        TmdlError: anything that the reader does not know.
    """
    lines = text.split("\n")
    if lines[-1] != "":
        raise TmdlError("the file does not end with a line break")
    top: list[Item] = []
    open_items: list[Item] = []
    description: str | None = None
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if not line:
            continue
        body = line.lstrip("\t")
        depth = len(line) - len(body)
        if body != body.strip() or depth > len(open_items):
            raise TmdlError(f"line {number}: indentation: {line!r}")
        if body.startswith("/// "):
            if description is not None:
                raise TmdlError(f"line {number}: two descriptions")
            description = body[4:]
            continue
        parent = open_items[depth - 1] if depth else None
        found = _PROPERTY.fullmatch(body)
        is_flag = parent is not None and body in BOOLEANS
        if parent is not None and (is_flag or (found and found["key"] not in OBJECTS)):
            key = body if is_flag else found["key"]  # type: ignore[index]
            if key not in OBJECTS[parent.kind] or key in parent.properties or description is not None:
                raise TmdlError(f"line {number}: {key} does not belong here")
            if is_flag:
                parent.properties[key] = True
            elif found and found["value"] is not None:
                if not re.fullmatch(VALUES.get(key, ".*"), found["value"]) or key in EXPRESSIONS:
                    raise TmdlError(f"line {number}: {key} cannot be {found['value']!r}")
                parent.properties[key] = found["value"]
            else:
                number, block = _block(lines, number, depth + 2)
                parent.properties[key] = block
            continue
        declared = _DECLARATION.fullmatch(body)
        if declared is None or declared["kind"] not in OBJECTS:
            raise TmdlError(f"line {number}: neither object nor property: {line!r}")
        kind, name = declared["kind"], _unquoted(declared["name"] or "")
        if kind in DEFAULTS and not re.fullmatch(DEFAULTS[kind], declared["value"] or ""):
            raise TmdlError(f"line {number}: a {kind} cannot be {declared['value']!r}")
        expected = PARENTS.get(kind)
        if (parent.kind if parent else None) != expected and kind != "annotation":
            raise TmdlError(f"line {number}: {kind} does not belong here")
        item = Item(kind, name, declared["value"], description)
        description = None
        if body.endswith(" ="):
            number, item.value = _block(lines, number, depth + 2)
        siblings = parent.items if parent else top
        if any((other.kind, other.name) == (kind, name) for other in siblings):
            raise TmdlError(f"line {number}: a second {kind} {name}")
        siblings.append(item)
        open_items[depth:] = [item]
    if description is not None:
        raise TmdlError("a description of nothing")
    return top


def _block(lines: list[str], number: int, depth: int) -> tuple[int, str]:
    prefix = "\t" * depth
    found: list[str] = []
    while number < len(lines) and lines[number].startswith(prefix):
        found.append(lines[number][depth:])
        number += 1
    if not found:
        raise TmdlError(f"line {number}: an expression is announced and absent")
    return number, "\n".join(found)


def _unquoted(name: str) -> str:
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def column_reference(text: str) -> tuple[str, str]:
    """``'Own unit'.unit_id`` → table and column."""
    found = re.fullmatch(rf"({_NAME})\.({_NAME})", text)
    if found is None:
        raise TmdlError(f"no reference to a column: {text}")
    return _unquoted(found[1]), _unquoted(found[2])
