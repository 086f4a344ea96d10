"""One page in all its periods and currencies, small enough to be one file.

Here: which fragments and figures several of them share, and packing the rest.
Not here: what is in them (``render``), unpacking (``templates/dashboards.js``).

The first variant is in the page as it is. Of the others every fragment and figure is kept once: in the variant's own
chunk, or in the chunk ``shared`` where several have it. Chunks are deflated, which a browser unpacks by itself; one is
unpacked when its period is chosen.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Mapping

from reports.dashboards.choices import Choice
from reports.dashboards.render import Content, Frame
from reports.page.document import script_json

SHARED = "shared"
Variants = Mapping[tuple[str, str], Content]
"""By currency and period key."""


def packed(variants: Variants, frame: Frame) -> str:
    """JSON for ``render_document``; ``frame`` says which variant is first and what periods are called."""
    first = variants[frame.currency, frame.period]
    others = {key: content for key, content in variants.items() if content is not first}
    numbers: dict[str, int] = {}
    for content in others.values():
        for fragment in content.fragments:
            numbers.setdefault(fragment, len(numbers))
    uses = Counter(fragment for content in others.values() for fragment in set(content.fragments))
    drawn = Counter(figure for content in others.values() for figure in content.figures)
    chunks = {
        SHARED: _Chunk(
            {fragment: numbers[fragment] for fragment, count in uses.items() if count > 1},
            {
                key: figure
                for content in others.values()
                for key, figure in content.figures.items()
                if drawn[key] > 1 and key not in first.figures
            },
        )
    }
    for (currency, period), content in others.items():
        chunks[f"{currency} {period}"] = _Chunk(
            {fragment: numbers[fragment] for fragment in content.fragments if uses[fragment] == 1},
            {key: figure for key, figure in content.figures.items() if drawn[key] == 1 and key not in first.figures},
        )
    return script_json(
        {
            "first": {"currency": frame.currency, "period": frame.period},
            "currencies": {
                choice.currency: {
                    "periods": words_of(choice, variants),
                    "variants": {
                        period: [] if content is first else [numbers[fragment] for fragment in content.fragments]
                        for (currency, period), content in variants.items()
                        if currency == choice.currency
                    },
                }
                for choice in frame.choices
            },
            "chunks": {name: chunk.text for name, chunk in chunks.items() if chunk},
        }
    )


def words_of(choice: Choice, variants: Variants) -> list[tuple[str, str]]:
    return [(period.key, period.words) for period in choice.periods if (choice.currency, period.key) in variants]


class _Chunk:
    def __init__(self, fragments: Mapping[str, int], figures: Mapping[str, str]) -> None:
        self._fragments = fragments
        self._figures = figures

    def __bool__(self) -> bool:
        return bool(self._fragments or self._figures)

    @property
    def text(self) -> str:
        fragments = json.dumps({number: fragment for fragment, number in self._fragments.items()}, ensure_ascii=False)
        figures = ",".join(f'"{key}":{figure}' for key, figure in self._figures.items())
        whole = f'{{"fragments":{fragments},"figures":{{{figures}}}}}'
        return base64.b64encode(zlib.compress(whole.encode("utf-8"), 9)).decode("ascii")
