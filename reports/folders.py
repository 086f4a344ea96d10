"""Folders that are replaced as a whole.

Here: making a folder beside the one it replaces, and the swap.
Not here: what is written into it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def swapped_in(out_dir: Path) -> Iterator[Path]:
    """A new folder beside ``out_dir`` that takes its place if the block succeeds, and is removed if it fails."""
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    part = out_dir.with_name(f".{out_dir.name}.part-{os.getpid()}")
    old = out_dir.with_name(f".{out_dir.name}.old")
    shutil.rmtree(part, ignore_errors=True)
    if old.exists() and not out_dir.exists():
        old.rename(out_dir)  # a run died between the two renames: its former export is put back
    shutil.rmtree(old, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        if out_dir.exists():
            out_dir.rename(old)
        part.rename(out_dir)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not out_dir.exists():
            old.rename(out_dir)
        raise
    shutil.rmtree(old, ignore_errors=True)
