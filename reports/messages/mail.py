"""What all e-mails share: the frame around them, lines of plain text, how large one may be.

Here: templates that extend ``mail.html``, wrapping, the limit.
Not here: what a mail says (``email``, ``reports.documents.email``), MIME and sending (guardrails.mail).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from reports.messages.cards import plain

MAX_EMAIL_BYTES = 100 * 1024
"""Gmail cuts what is longer than 102 KB."""
_HERE = Path(__file__).parent


def environment(folder: Path) -> jinja2.Environment:
    """Templates of a folder, and the frame that they extend."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fits(content: Mapping[str, Any]) -> bool:
    """Whether a mail (``{"email": {…}}``) is short enough to arrive whole."""
    return len(json.dumps(content).encode("ascii")) <= MAX_EMAIL_BYTES


def wrapped(text: str, *, indent: str = "", hanging: str = "") -> str:
    """Lines of 76 characters at most, but for addresses; ``hanging`` more spaces from the second line on."""
    return textwrap.fill(
        plain(text),
        76,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
