"""Other processes of this machine.

Here: whether the one that a file is named after still works on it.
Not here: locks (each owner's), starting processes.
"""

from __future__ import annotations

import os


def runs_elsewhere(process_id: str) -> bool:
    """Whether another process with this id runs; not this one, and nothing that is no id."""
    if not process_id.isdigit() or int(process_id) == os.getpid():
        return False
    try:
        os.kill(int(process_id), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
