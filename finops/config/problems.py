"""What is wrong with a configuration file, in words for the person who wrote it.

Here: problems, the error that carries them, and the wording of pydantic's findings.
Not here: finding the problems (a module per file, load) and their lines (document).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ConfigProblem:
    """``line`` is 1-based; ``where`` is the setting, such as ``sources[0].url``, or empty for the file as a whole."""

    file: Path
    line: int
    where: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where + ': ' if self.where else ''}{self.message}. {self.remedy}"


class ConfigError(ValueError):
    """One or more problems in configuration files; ``problems`` lists them all."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    @classmethod
    def single(cls, file: Path, line: int, where: str, message: str, remedy: str) -> ConfigError:
        return cls([ConfigProblem(file, line, where, message, remedy)])


class SettingError(ValueError):
    """Raised by a model's validator: what is wrong, where below that model, and what to do."""

    def __init__(self, message: str, remedy: str, location: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.location = location


@dataclass(frozen=True)
class Wording:
    """``location`` is where to point in the file; ``message`` and ``remedy`` are for people."""

    location: tuple[str | int, ...]
    message: str
    remedy: str


# By the first characters of pydantic's error type: what was expected, and how to write it.
_EXPECTED = {
    "string_type": ("text", "Put quotes around it"),
    "int_": ("a whole number", "Write it like 5"),
    "decimal_type": ("a number", "Write it like 1234.56, with a point and no separators"),
    "decimal_parsing": ("a number", "Write it like 1234.56, with a point and no separators"),
    "finite_number": ("a number", "Write it like 1234.56, with a point and no separators"),
    "bool_": ("true or false", "Write true or false"),
    "date_": ("a date", "Write it like 2026-10-20"),
    "list_type": ("a list", "Write it like [one, two]"),
    "dict_type": ("settings", "Write it like {name: value}"),
    "model_type": ("settings", "Write them as name: value, one a line"),
    "model_attributes_type": ("settings", "Write them as name: value, one a line"),
}


def word(detail: Any, field_names: Iterable[str]) -> Wording:
    """Word one of pydantic's error details. Text that was found is never repeated where it could be a secret."""
    location = tuple(detail["loc"])
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    found = detail["input"]
    match kind:
        case "extra_forbidden":
            return Wording(
                location,
                f"unknown setting {location[-1]!r}",
                suggest(str(location[-1]), field_names, otherwise="remove it") or "Remove it or correct its spelling",
            )
        case "missing":
            return Wording(location, f"the setting {location[-1]!r} is missing", f"Add {location[-1]!r}")
        case "value_error" if isinstance(context.get("error"), SettingError):
            error: SettingError = context["error"]
            return Wording(location + error.location, str(error), error.remedy)
        case "union_tag_invalid":
            name = context["discriminator"].strip("'")
            known = re.findall(r"'([^']+)'", context["expected_tags"])
            remedy = suggest(context["tag"], known) or f"Use one of {', '.join(known)}"
            return Wording((*location, name), f"unknown {name} {context['tag']!r}", remedy)
        case "union_tag_not_found":
            name = context["discriminator"].strip("'")
            remedy = f"Add {name!r}; docs/configuration.md lists what it can be"
            return Wording(location, f"the setting {name!r} is missing", remedy)
        case "literal_error" | "enum":
            known = re.findall(r"'([^']+)'", context["expected"])
            remedy = suggest(str(found), known) or f"Use one of {', '.join(known)}"
            return Wording(location, f"{str(found)!r} is not a value that is allowed here", remedy)
    for prefix, (expected, remedy) in _EXPECTED.items():
        if kind.startswith(prefix):
            return Wording(location, f"{expected} expected, found {_kind_of(found)}", remedy)
    message = detail["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(?:Input|String|Value|Decimal input) should", "the value should", message)
    return Wording(location, message, "Correct the value; docs/configuration.md says what each setting means")


def suggest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """``Did you mean 'team'?`` for a near miss, with what to do otherwise, or an empty text."""
    close = difflib.get_close_matches(name, list(known), n=1)
    if not close:
        return ""
    return f"Did you mean {close[0]!r}?" + (f" Otherwise {otherwise}" if otherwise else "")


def _kind_of(found: Any) -> str:
    match found:
        case None:
            return "nothing"
        case bool():
            return "true" if found else "false"
        case list():
            return "a list"
        case dict():
            return "settings (name: value)"
        case str():
            return "text"
        case _:
            return f"the number {found}"
