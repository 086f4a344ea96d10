"""Where collectors' files are.

Here: which files count: closed ones. The collector's open file begins with a dot, and listings leave those out.
Not here: what is in them (``rows``).
"""

from __future__ import annotations

SUFFIXES = (".jsonl",)
