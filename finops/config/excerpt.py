"""One entry of a YAML file as it is written there, and the file with another in its place.

Here: where its text begins and ends, and its indentation.
Not here: reading settings (document) and what they may be (models).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from finops.config.document import Location, read_document


@dataclass(frozen=True)
class Excerpt:
    """``text`` is the entry without the indentation that it has in ``whole``, from ``start`` to ``end``."""

    text: str
    whole: str
    start: int
    end: int
    indent: int

    def replaced(self, text: str) -> str:
        """The whole file with another text in the entry's place.

        Raises:
            ValueError: it is empty, or has anchors or aliases, which can stand for texts of any size.
        """
        lines = text.replace("\r\n", "\n").strip().split("\n")
        if lines == [""]:
            raise ValueError("nothing is written here")
        try:
            is_named = any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in yaml.scan(text))
        except yaml.YAMLError:
            is_named = False  # whoever reads the file says where it is wrong
        if is_named:
            raise ValueError("anchors (&) and aliases (*) are not taken here; write out what they stand for")
        indented = [lines[0], *(f"{' ' * self.indent}{line}" if line.strip() else "" for line in lines[1:])]
        return self.whole[: self.start] + "\n".join(indented) + self.whole[self.end :]


def excerpt(path: Path, location: Location) -> Excerpt:
    """The entry of a location such as ``("policies", 2)``.

    Raises:
        ConfigError: the file is not YAML.
        LookupError: it has no such entry.
    """
    node: yaml.Node | None = read_document(path).root
    for step in location:
        node = _below(node, step)
    if node is None:
        raise LookupError(f"{path} has no {'.'.join(map(str, location))}")
    whole = path.read_text(encoding="utf-8-sig")
    start, indent = node.start_mark.index, node.start_mark.column
    lines = whole[start : node.end_mark.index].split("\n")
    # An entry ends where the next one begins; what stands between belongs to that one.
    while not lines[-1].strip() or lines[-1].lstrip().startswith("#"):
        lines.pop()
    end = start + len("\n".join(lines))
    return Excerpt("\n".join([lines[0], *(_less(line, indent) for line in lines[1:])]), whole, start, end, indent)


def _below(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    return None


def _less(line: str, indent: int) -> str:
    return line[indent:] if not line[:indent].strip() else line
