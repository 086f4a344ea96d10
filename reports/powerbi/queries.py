"""The shared Power Query expressions: parameters, the manifest, how a mart is found and read.

Here: one reader per kind of root. The service refuses addresses that it cannot know before a refresh, so an https root
is always ``Web.Contents(Root, [RelativePath = …])``, and no folder is ever listed.
Not here: the tables' own queries (``star``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_AZURE_ADDRESS = re.compile(
    r"(?:az|abfss?)://(?P<container>[^@/]+)@(?P<account>[a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net(?P<path>/.*)?"
)
_AZURE_HOST = re.compile(r"[a-z0-9]+\.(?:dfs|blob)\.core\.windows\.net")
_STORAGE_VERSION = "2023-11-03"
"""Azure Storage accepts a person's sign-in only with requests that name a version."""


class RootError(ValueError):
    """An address of exports that Power BI cannot read."""


@dataclass(frozen=True)
class Root:
    """Where exports lie: a folder, or an https address; never with a key or signature in it."""

    address: str
    is_web: bool


def parse_root(text: str) -> Root:
    """A folder, an https address, or the az:// address of exports.yml, which becomes the https address of its blobs.

    Raises:
        RootError: an address with a query or user in it, or of a kind that Power BI cannot read.
    """
    text = text.strip()
    if found := _AZURE_ADDRESS.fullmatch(text):
        path = (found["path"] or "").rstrip("/")
        return Root(f"https://{found['account']}.blob.core.windows.net/{found['container']}{path}", True)
    if not text:
        raise RootError("the root is empty: name the folder or https address that has manifest.json")
    if "://" not in text:
        stripped = text.rstrip("/\\")
        return Root(stripped or text, False)
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
    return Root(f"https://{host}{parts.path}".rstrip("/"), True)


@dataclass(frozen=True)
class SharedExpression:
    """``is_parameter``: a person sets it in Power BI. ``text`` is M."""

    name: str
    text: str
    description: str
    result: str
    is_parameter: bool = False


def shared_expressions(root: Root) -> list[SharedExpression]:
    return [
        SharedExpression(
            "Root",
            _parameter(m_text(root.address), "Text"),
            "Address or folder that has manifest.json, without a slash at its end. "
            + (
                "An https address; for a folder, write the project again."
                if root.is_web
                else "A folder; for https, write the project again."
            ),
            "Text",
            True,
        ),
        SharedExpression(
            "TeamMembers",
            _parameter('""', "Text"),
            "CSV with the columns team and user_principal_name, beside manifest.json or in a folder below; empty: the "
            "role Eng sees nothing.",
            "Text",
            True,
        ),
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
        SharedExpression("ReadFile", _reader(root), "The content of a file below Root.", "Function"),
        SharedExpression(
            "Manifest",
            'Json.Document(ReadFile("manifest.json"))',
            "What the export holds, and in which folder its current version is.",
            "Record",
        ),
        SharedExpression("Mart", _MART, "The rows of a mart, of the version that the manifest names.", "Function"),
        SharedExpression("TeamOfApp", _TEAM_OF_APP, "The team of every app, as one record.", "Record"),
        SharedExpression(
            "TeamMembersTable", _TEAM_MEMBERS, "Who belongs to which team; no rows without TeamMembers.", "Table"
        ),
    ]


_MART = """(name as text) as table =>
let
    Found = List.Select(Manifest[files], each [mart] = name and [format] = "parquet"),
    Folder = Record.FieldOrDefault(Manifest, "folder", null),
    Path = (if Folder = null then "" else Folder & "/") & Found{0}[path],
    Content = if List.IsEmpty(Found)
        then error Error.Record("Export incomplete", "The export has no Parquet file of " & name,
            "Run the pipeline, and deliver the format parquet (config/exports.yml)")
        else ReadFile(Path)
in
    Parquet.Document(Content)"""

_TEAM_OF_APP = """let
    Apps = Table.SelectRows(Mart("dim_app"), each [app] <> null)
in
    Record.FromList(Apps[team], Apps[app])"""

_TEAM_MEMBERS = """let
    Empty = #table(type table [team = text, user_principal_name = text], {}),
    Rows = if TeamMembers = "" then Empty else
        Table.PromoteHeaders(Csv.Document(ReadFile(TeamMembers), [Delimiter = ",", Encoding = 65001]),
            [PromoteAllScalars = true]),
    Chosen = Table.SelectColumns(Rows, {"team", "user_principal_name"}),
    Typed = Table.TransformColumnTypes(Chosen, {{"team", type text}, {"user_principal_name", type text}})
in
    Table.Distinct(Typed)"""


def _reader(root: Root) -> str:
    if not root.is_web:
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
