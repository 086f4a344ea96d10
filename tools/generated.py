"""Generated files: writing them, or saying which ones are out of date.

Here: what every generator in this folder shares.
Not here: what is generated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent


def write_or_check(files: Mapping[Path, str], description: str) -> int:
    """Write the files, or with ``--check`` name those whose content differs. Returns the exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file is out of date")
    check: bool = parser.parse_args().check
    stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        shown = path.relative_to(PROJECT_DIR)
        if check:
            print(f"{shown} is out of date; run python tools/{Path(sys.argv[0]).name}")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
            print(f"{shown} written")
    return 1 if check and stale else 0
