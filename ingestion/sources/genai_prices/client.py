"""The installed package genai-prices: its version and its providers.

Here: asking the package. It holds its data; nothing is fetched, and its own updater is never started.
Not here: what its prices mean (``rows``).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import Provider


def list_version() -> str:
    """Version of the installed package: its data changes with nothing else."""
    return version("genai-prices")


def providers() -> Sequence[Provider]:
    from genai_prices.data import providers as listed

    return listed
