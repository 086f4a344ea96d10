"""Random numbers that depend on names, not on the order of calls.

Here: one independent generator per (seed, names), so that a day can be generated alone, in any process, to the same
bytes.
Not here: distributions (``simulator.shapes``).
"""

from __future__ import annotations

import hashlib
import uuid

import numpy as np


def stream(seed: int, *names: object) -> np.random.Generator:
    """An independent generator for a seed and a path of names, such as ``stream(7, "spans", day)``."""
    digest = hashlib.blake2b("/".join(map(str, (seed, *names))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def stable_uuid(*names: object) -> str:
    """A UUID that is the same for the same names."""
    return str(uuid.UUID(bytes=hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=16).digest(), version=4))


def stable_int(below: int, *names: object) -> int:
    """A number from 0 to ``below`` − 1 that is the same for the same names."""
    return int.from_bytes(hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=8).digest(), "big") % below
