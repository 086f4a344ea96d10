"""The shared Power Query expressions: parameters, the manifest, how a mart is found and read.

Here: one reader per kind of root: a folder, an https address with exports, the portal's API. The service refuses
addresses that it cannot know before a refresh, so what is not a folder is always
``Web.Contents(Root, [RelativePath = …])``, and no folder is ever listed.
Not here: the tables' own queries (``star``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from reports.mart_rows import PART_ROWS

_AZURE_ADDRESS = re.compile(
    r"(?:az|abfss?)://(?P<container>[^@/]+)@(?P<account>[a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net(?P<path>/.*)?"
)
_AZURE_HOST = re.compile(r"[a-z0-9]+\.(?:dfs|blob)\.core\.windows\.net")
PORTAL_PATH = "/api/v1"
_STORAGE_VERSION = "2023-11-03"
"""Azure Storage accepts a person's sign-in only with requests that name a version."""


class RootError(ValueError):
    """An address of exports that Power BI cannot read."""


Kind = Literal["folder", "web", "portal"]


@dataclass(frozen=True)
class Root:
    """Where marts are read: a folder or https address of exports, or the portal's API; never with a key or signature
    in it."""

    address: str
    kind: Kind


def parse_root(text: str) -> Root:
    """A folder, an https address, or the az:// address of exports.yml, which becomes the https address of its blobs.

    An https address that ends with ``/api/v1`` is a portal's.

    Raises:
        RootError: an address with a query or user in it, or of a kind that Power BI cannot read.
    """
    text = text.strip()
    if found := _AZURE_ADDRESS.fullmatch(text):
        path = (found["path"] or "").rstrip("/")
        return Root(f"https://{found['account']}.blob.core.windows.net/{found['container']}{path}", "web")
    if not text:
        raise RootError("the root is empty: name the folder or https address that has manifest.json")
    if "://" not in text:
        stripped = text.rstrip("/\\")
        return Root(stripped or text, "folder")
    parts = urlsplit(text)
    if parts.scheme != "https":
        raise RootError(
            f"Power BI cannot read {parts.scheme}:// addresses: use https://…, "
            "az://container@account.dfs.core.windows.net/…, or a folder"
        )
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise RootError(
            "the address has a key, signature or user in it, which would be stored in the project: "
            "give the plain address and sign in from Power BI"
        )
    host = parts.netloc.replace(".dfs.core.windows.net", ".blob.core.windows.net")
    address = f"https://{host}{parts.path}".rstrip("/")
    return Root(address, "portal" if address.endswith(PORTAL_PATH) else "web")


@dataclass(frozen=True)
class SharedExpression:
    """``is_parameter``: a person sets it in Power BI. ``text`` is M."""

    name: str
    text: str
    description: str
    result: str
    is_parameter: bool = False


def shared_expressions(root: Root) -> list[SharedExpression]:
    members, team_members = _MEMBERS_OF_PORTAL if root.kind == "portal" else _MEMBERS_OF_FILE
    return [
        SharedExpression(
            "Root", _parameter(m_text(root.address), "Text"), f"{_ROOTS[root.kind]} {_OTHER_ROOT}", "Text", True
        ),
        SharedExpression("TeamMembers", _parameter('""', "Text"), members, "Text", True),
        SharedExpression(
            "RangeStart",
            _parameter("#datetime(2000, 1, 1, 0, 0, 0)", "DateTime"),
            "First moment that large tables load; an incremental refresh sets it.",
            "DateTime",
            True,
        ),
        SharedExpression(
            "RangeEnd",
            _parameter("#datetime(2100, 1, 1, 0, 0, 0)", "DateTime"),
            "First moment that large tables do not load; an incremental refresh sets it.",
            "DateTime",
            True,
        ),
        *(_of_portal() if root.kind == "portal" else _of_exports(root)),
        SharedExpression("TeamOfApp", _TEAM_OF_APP, "The team of every app, as one record.", "Record"),
        SharedExpression(
            "TeamMembersTable", team_members, "Who belongs to which team; no rows without TeamMembers.", "Table"
        ),
    ]


_ROOTS: Mapping[Kind, str] = {
    "folder": "Folder that has manifest.json, without a slash at its end.",
    "web": "https address that has manifest.json, without a slash at its end.",
    "portal": "Address of the portal's API, without a slash at its end.",
}
_OTHER_ROOT = "For a root of another kind, write the project again."


def _of_exports(root: Root) -> list[SharedExpression]:
    return [
        SharedExpression("ReadFile", _reader(root), "The content of a file below Root.", "Function"),
        SharedExpression(
            "Manifest",
            'Json.Document(ReadFile("manifest.json"))',
            "What the export holds, and in which folder its current version is.",
            "Record",
        ),
        SharedExpression(
            "Mart",
            _MART_OF_EXPORTS,
            "Columns of a mart, of the version that the manifest names. With a time column, only the months between "
            "RangeStart and RangeEnd are read, where the export has the mart by month.",
            "Function",
        ),
    ]


def _of_portal() -> list[SharedExpression]:
    return [
        SharedExpression(
            "Marts",
            'Json.Document(Web.Contents(Root, [RelativePath = "marts"]))',
            "Which marts there are for whoever has signed in, and of which version.",
            "Record",
        ),
        SharedExpression(
            "Mart",
            _MART_OF_PORTAL,
            "Columns of a mart, part by part, all of one version. With a time column, the portal sends only the days "
            "between RangeStart and RangeEnd.",
            "Function",
        ),
    ]


_MART_OF_EXPORTS = """(name as text, wanted as list, optional timeColumn as nullable text) as table =>
let
    Files = List.Select(Manifest[files], each [mart] = name),
    Whole = List.Select(Files, each [format] = "parquet"),
    Months = List.Select(Files, each timeColumn <> null and [format] = "parquet_by_month"),
    Day = (written as text) as datetime => DateTime.From(Date.FromText(written, "en-US")),
    InRange = List.Select(Months, each Day([first_day]) < RangeEnd and Day([end_day]) > RangeStart),
    Folder = Record.FieldOrDefault(Manifest, "folder", null),
    Read = (file as record) as table => Table.SelectColumns(
        Parquet.Document(ReadFile((if Folder = null then "" else Folder & "/") & file[path])), wanted)
in
    if not List.IsEmpty(InRange) then Table.Combine(List.Transform(InRange, Read))
    else if not List.IsEmpty(Months) then #table(wanted, {})
    else if not List.IsEmpty(Whole) then Read(Whole{0})
    else error Error.Record("Export incomplete", "The export has no Parquet file of " & name,
        "Run the pipeline, and deliver the format parquet (config/exports.yml)")"""

_MART_OF_PORTAL = f"""(name as text, wanted as list, optional timeColumn as nullable text) as table =>
let
    Day = (moment as date) as text => Date.ToText(moment, "yyyy-MM-dd"),
    Days = if timeColumn = null then [] else [filter = {{
        timeColumn & ">=" & Day(Date.From(RangeStart)),
        timeColumn & "<" & Day(Date.AddDays(Date.From(RangeEnd), 1))}}],
    Part = (index as number) as table => Parquet.Document(Binary.Buffer(Web.Contents(Root, [
        RelativePath = "marts/" & name,
        Query = [format = "parquet", columns = Text.Combine(wanted, ","), part = Text.From(index),
            version = Marts[version]] & Days]))),
    Parts = List.Generate(
        () => [index = 0, rows = Part(0)],
        each [rows] <> null,
        each [index = [index] + 1, rows = if Table.RowCount([rows]) < {PART_ROWS} then null else Part([index] + 1)],
        each [rows])
in
    Table.SelectColumns(Table.Combine(Parts), wanted)"""

_TEAM_OF_APP = """let
    Apps = Table.SelectRows(Mart("dim_app", {"app", "team"}), each [app] <> null)
in
    Record.FromList(Apps[team], Apps[app])"""

_MEMBERS_OF_FILE = (
    "CSV with the columns team and user_principal_name, beside manifest.json or in a folder below; empty: the role Eng "
    "sees nothing.",
    """let
    Empty = #table(type table [team = text, user_principal_name = text], {}),
    Rows = if TeamMembers = "" then Empty else
        Table.PromoteHeaders(Csv.Document(ReadFile(TeamMembers), [Delimiter = ",", Encoding = 65001]),
            [PromoteAllScalars = true]),
    Chosen = Table.SelectColumns(Rows, {"team", "user_principal_name"}),
    Typed = Table.TransformColumnTypes(Chosen, {{"team", type text}, {"user_principal_name", type text}})
in
    Table.Distinct(Typed)""",
)
_MEMBERS_OF_PORTAL = (
    "Who belongs to which team, such as search=ana@example.com; vision=ben@example.com; empty: the role Eng sees "
    "nothing.",
    """let
    Pairs = List.Select(Text.Split(TeamMembers, ";"), each Text.Contains(_, "=")),
    Rows = List.Transform(Pairs, each
        {Text.Trim(Text.BeforeDelimiter(_, "=")), Text.Trim(Text.AfterDelimiter(_, "="))})
in
    Table.Distinct(#table(type table [team = text, user_principal_name = text], Rows))""",
)


def _reader(root: Root) -> str:
    if root.kind == "folder":
        return (
            "(path as text) as binary =>\n"
            'if Text.StartsWith(Text.Lower(Root), "http")\n'
            '    then error Error.Record("Root", "This project was written for a folder", '
            '"Write it again: aifinops export powerbi --root https://…")\n'
            '    else File.Contents(Root & "/" & path)'
        )
    host = urlsplit(root.address).netloc
    headers = f', Headers = [#"x-ms-version" = "{_STORAGE_VERSION}"]' if _AZURE_HOST.fullmatch(host) else ""
    return f"(path as text) as binary =>\nWeb.Contents(Root, [RelativePath = path{headers}])"


def _parameter(value: str, kind: str) -> str:
    required = "false" if value == '""' else "true"
    return f'{value} meta [IsParameterQuery=true, Type="{kind}", IsParameterQueryRequired={required}]'


def m_text(value: str) -> str:
    """A text as M. A character sequence that M would read as an escape is escaped itself."""
    escaped = value.replace("#(", "#(#)(").replace('"', '""')
    return f'"{escaped}"'
