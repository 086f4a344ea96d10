"""The words that AI meters are named with.

Here: two tables. ``words``: a phrase of one to four words, the field it says something about, and what it says.
``products``: the family that meters of a product leave out of their names.
Not here: taking names apart (dbt's ``int_meter__parsed``), which reads both as configuration tables.

A phrase is written as names are read: lower case, words apart, the dot kept (``5.4 mini cd Inp Gl 1M Tokens`` is
``^ 5.4 mini cd inp gl 1m tokens``; ``^`` is the beginning). The longest phrase at a place wins; a phrase may say
several things. Words that no phrase has are the model.

Fields: direction, cache, cache_ttl, tier, deployment, provisioned, fine_tuning, modality, context, unit; ``model``
replaces the phrase in the model's name, ``filler`` drops it.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from io import StringIO

FIELDS = frozenset(
    {
        "direction",
        "cache",
        "cache_ttl",
        "tier",
        "deployment",
        "provisioned",
        "fine_tuning",
        "modality",
        "context",
        "unit",
        "model",
        "filler",
    }
)


@cache
def words() -> tuple[dict[str, str], ...]:
    """Rows of ``phrase``, ``field``, ``value``."""
    return _table("words.csv")


@cache
def products() -> tuple[dict[str, str], ...]:
    """Rows of ``pattern`` (a regular expression over the product's name in lower case) and ``prefix``."""
    return _table("products.csv")


def _table(name: str) -> tuple[dict[str, str], ...]:
    text = files("finops.meters").joinpath(name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(StringIO(text)))
