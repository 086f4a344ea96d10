"""YAML with positions.

Here: reading one YAML file exactly and finding the line of any setting in it.
Not here: what the settings may be (a module per file) and what is wrong with them (problems).

Plain values are read by YAML 1.2's rules: only ``true`` and ``false`` are booleans (PyYAML's own reader also takes
``off``, ``no`` and so Norway's country code for one), ``010`` is ten, a date stays text until a model asks for a date.
A number with a point becomes a Decimal, so ``0.1`` is 0.1 and ``1234567890.123456789012`` keeps every digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from finops.config.problems import ConfigError, ConfigProblem

Location = tuple[str | int, ...]
"""Steps from the root of a document to a setting: keys and 0-based list positions."""

_TAG = "tag:yaml.org,2002:"
_DISCRIMINATORS = ("type", "kind")
_COPY = "Copy it from the project's config folder"


@dataclass(frozen=True)
class Place:
    """Where a setting stands: ``line`` is 1-based, ``siblings`` are the keys of the mapping that it is or misses in."""

    line: int
    shown: str
    siblings: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    path: Path
    data: Any
    root: yaml.Node

    def place(self, location: Location) -> Place:
        """The deepest node that the location names.

        Pydantic adds the tag of a discriminated union as a step of its own (``sources, 0, azure_exports, url``) and
        ``[key]`` for the key of a mapping; neither is in the file, so both are passed over.
        """
        node, line, shown = self.root, self.root.start_mark.line + 1, ""
        for position, step in enumerate(location):
            if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line, shown = node.start_mark.line + 1, f"{shown}[{step}]"
            elif isinstance(node, yaml.MappingNode):
                if position + 1 < len(location) and step in _tags(node):
                    continue
                for key, value in node.value:
                    if key.value == str(step):
                        node, line, shown = value, key.start_mark.line + 1, f"{shown}.{step}"
                        break
        siblings = tuple(str(key.value) for key, _ in node.value) if isinstance(node, yaml.MappingNode) else ()
        return Place(line, shown.lstrip("."), siblings)

    def problem(self, location: Location, message: str, remedy: str) -> ConfigProblem:
        place = self.place(location)
        return ConfigProblem(self.path, place.line, place.shown, message, remedy)


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        ConfigError: the file is missing, unreadable, empty, not UTF-8, not YAML, or names a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError.single(path, 1, "", "the file does not exist", _COPY) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError.single(path, line, "", "not UTF-8 text", "Save the file with the encoding UTF-8") from None
    except OSError as error:
        remedy = "Check the path and its permissions"
        raise ConfigError.single(path, 1, "", f"cannot be read: {error.strerror}", remedy) from None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise ConfigError.single(path, 1, "", "the file is empty", _COPY)
        duplicates = list(_duplicate_keys(path, root, set()))
        if duplicates:
            raise ConfigError(duplicates)
        return Document(path, loader.construct_document(root), root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        remedy = "Check indentation and quotes near that line"
        raise ConfigError.single(path, line, "", f"not valid YAML: {error.problem}", remedy) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        message = f"not valid YAML: the character U+{ord(text[error.position]):04X} is not allowed"
        raise ConfigError.single(path, line, "", message, "Remove it") from None


class _Loader(yaml.SafeLoader):
    """YAML 1.2 plain values, exact decimals, no types beyond JSON's."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"^<<$"), ["<"])
_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag in {f"{_TAG}{name}" for name in ("null", "bool", "str", "seq", "map")}
}
_Loader.add_constructor(f"{_TAG}int", lambda loader, node: int(node.value))
_Loader.add_constructor(f"{_TAG}float", lambda loader, node: Decimal(node.value))


def _tags(node: yaml.MappingNode) -> set[str]:
    return {value.value for key, value in node.value if key.value in _DISCRIMINATORS and isinstance(value.value, str)}


def _duplicate_keys(path: Path, node: yaml.Node, visited: set[int]) -> Iterator[ConfigProblem]:
    """YAML readers let the last of two equal keys win in silence."""
    if id(node) in visited:
        return
    visited.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicate_keys(path, item, visited)
    elif isinstance(node, yaml.MappingNode):
        first_lines: dict[str, int] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                first = first_lines.get(key.value)
                if first is not None:
                    message = f"the setting {key.value!r} is given twice, first in line {first}"
                    yield ConfigProblem(path, line, key.value, message, "Keep one")
                first_lines.setdefault(key.value, line)
            yield from _duplicate_keys(path, value, visited)
