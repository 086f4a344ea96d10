"""Where rows of the model's tables come from: a mart's columns, rows written out, rows of other tables.

Here: each as Power Query (M) or DAX and the same as SQL; types in Power Query.
Not here: which tables there are (``star``) and how files are found (``queries``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports.powerbi.expressions import quoted, sql_text


@dataclass(frozen=True)
class Made:
    """A column made from others of the mart: the same in M (a function of the row) and in SQL.

    ``needs``: the mart's columns that it is made from, where the table does not show them.
    """

    name: str
    data_type: str
    description: str
    m: str
    sql: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class MartRows:
    """Columns of one mart. ``time_column``: what a partition of an incremental refresh is cut by.

    ``sums``, ``least``, ``greatest``: if any is given, rows that are equal in all other columns become one.
    ``nameless``: column and the text that stands in it for null; ``member``: one more row, with this text in the first
    column, for facts that lead to nothing else.
    """

    mart: str
    columns: tuple[str, ...]
    made: tuple[Made, ...] = ()
    time_column: str | None = None
    sums: tuple[str, ...] = ()
    least: tuple[str, ...] = ()
    greatest: tuple[str, ...] = ()
    nameless: tuple[tuple[str, str], ...] = ()
    member: str | None = None

    @property
    def marts(self) -> tuple[str, ...]:
        return (self.mart,)

    @property
    def names(self) -> tuple[str, ...]:
        return (*(made.name for made in self.made), *self.columns)

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns of the mart that are read: no others are asked of whoever keeps it."""
        needed = (*self.columns, *(name for made in self.made for name in made.needs))
        return tuple(dict.fromkeys((*needed, *([self.time_column] if self.time_column else []))))

    @property
    def _aggregated(self) -> dict[str, str]:
        """Column → aggregate, as both languages call it but for the case."""
        pairs = (("Sum", self.sums), ("Min", self.least), ("Max", self.greatest))
        return {column: function for function, columns in pairs for column in columns}

    @property
    def _grouped_by(self) -> list[str]:
        return [name for name in self.names if name not in self._aggregated]

    def m(self, types: Mapping[str, str]) -> str:
        told_by = f', "{self.time_column}"' if self.time_column else ""
        steps = [("Read", f'Mart("{self.mart}", {m_list(self.reads)}{told_by})')]

        def step(name: str, text: str) -> None:
            steps.append((name, text.replace("@", steps[-1][0])))

        if self.time_column:
            moment = f"DateTime.From([{self.time_column}])"
            step("InRange", f"Table.SelectRows(@, each {moment} >= RangeStart and {moment} < RangeEnd)")
        for made in self.made:
            kind = _M_TYPES[made.data_type]
            step(f"With_{made.name}", f'Table.AddColumn(@, "{made.name}", {made.m}, {kind})')
        for name, text in self.nameless:
            step(f"Named_{name}", f'Table.ReplaceValue(@, null, "{text}", Replacer.ReplaceValue, {{"{name}"}})')
        if self._aggregated:
            aggregates = ", ".join(
                f'{{"{name}", each List.{function}([{name}]), {m_type(types[name])}}}'
                for name, function in self._aggregated.items()
            )
            step("Grouped", f"Table.Group(@, {m_list(self._grouped_by)}, {{{aggregates}}})")
        step("Chosen", f"Table.SelectColumns(@, {m_list(self.names)})")
        if self.member is not None:
            step("WithMember", f'Table.Combine({{@, #table({{"{self.names[0]}"}}, {{{{"{self.member}"}}}})}})')
        typed = ", ".join(f'{{"{name}", {m_type(types[name])}}}' for name in self.names)
        step("Typed", f"Table.TransformColumnTypes(@, {{{typed}}})")
        lines = ",\n".join(f"    {name} = {text}" for name, text in steps)
        return f"let\n{lines}\nin\n    {steps[-1][0]}"

    def sql(self) -> str:
        made = [f"{column.sql} AS {quoted(column.name)}" for column in self.made]
        named = dict(self.nameless)
        own = [
            f"coalesce({quoted(name)}, {sql_text(named[name])}) AS {quoted(name)}" if name in named else quoted(name)
            for name in self.columns
        ]
        everything = f"SELECT {', '.join([*made, *own])} FROM {quoted(self.mart)}"
        if not self._aggregated:
            rows = f"SELECT {', '.join(map(quoted, self.names))} FROM ({everything})"
            if self.member is None:
                return rows
            return f"{rows} UNION ALL BY NAME SELECT {sql_text(self.member)} AS {quoted(self.names[0])}"
        chosen = [*map(quoted, self._grouped_by)]
        chosen += [
            f"{function.lower()}({quoted(name)}) AS {quoted(name)}" for name, function in self._aggregated.items()
        ]
        return f"SELECT {', '.join(chosen)} FROM ({everything}) GROUP BY {', '.join(map(quoted, self._grouped_by))}"


@dataclass(frozen=True)
class CustomRows:
    """Rows that are no mart's: written out in M and SQL."""

    marts: tuple[str, ...]
    columns: tuple[Made, ...]
    m_text: str
    sql_text: str

    def m(self, types: Mapping[str, str]) -> str:
        return self.m_text

    def sql(self) -> str:
        return self.sql_text


@dataclass(frozen=True)
class CalculatedRows:
    """Rows that Power BI makes from other tables of the model once those are loaded: written out in DAX and SQL."""

    columns: tuple[Made, ...]
    dax_text: str
    sql_text: str

    @property
    def marts(self) -> tuple[str, ...]:
        return ()

    def sql(self) -> str:
        return self.sql_text


_M_TYPES = {
    "varchar": "type text",
    "date": "type date",
    "timestamp": "type datetime",
    "boolean": "type logical",
    "bigint": "Int64.Type",
    "double": "type number",
}


def m_type(data_type: str) -> str:
    """A contract's data type in Power Query. Decimals become ``number``: see docs/power-bi.md."""
    return "type number" if data_type.startswith("decimal") else _M_TYPES[data_type]


def m_list(names: tuple[str, ...] | list[str]) -> str:
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"
