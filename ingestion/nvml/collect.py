"""The collector's loop: sample, keep, wait; and start NVML again when the driver was.

Here: the loop, initialising NVML, what to say where there is none.
Not here: one sample (``sampler``), files (``spool``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ingestion.nvml.pods import PodFinder
from ingestion.nvml.sampler import Sampler
from ingestion.nvml.spool import Spool

_REMEDIES = {
    "NVMLError_LibraryNotFound": "libnvidia-ml.so.1 is not here: install the NVIDIA driver, or run the container with "
    "the NVIDIA runtime and the capability 'utility'",
    "NVMLError_DriverNotLoaded": "the driver is not loaded: load the module nvidia, and check with nvidia-smi",
    "NVMLError_LibRmVersionMismatch": "the library and the loaded driver have different versions: restart the machine "
    "after an update of the driver",
    "NVMLError_NoPermission": "this user may not open /dev/nvidiactl: give it access to the devices",
}


class NvmlUnavailableError(Exception):
    """There is no NVML to ask. The message has the remedy."""


def collect(
    nvml: Any,
    folder: Path,
    *,
    node: str,
    interval_seconds: float,
    wait: Callable[[float], bool],
    now: Callable[[], datetime],
    pods: PodFinder | None = None,
    rotate_seconds: float = 300.0,
    once: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Sample until ``wait`` says to stop, or once; files are closed at the end.

    Args:
        nvml: the module ``pynvml``, or an object that mirrors it.
        wait: waits that many seconds, and says whether to stop.
        now: the moment, with a time zone.

    Returns:
        How many samples of GPUs were written.

    Raises:
        NvmlUnavailableError: NVML cannot be initialised at the start. Later it is tried again at every interval: a
            driver that is being updated comes back.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise NvmlUnavailableError(f"NVML cannot be used: {error}. {_remedy(error)}") from error
    sampler = Sampler(nvml, node, pods or PodFinder(), longest_step_seconds=max(interval_seconds * 4, 60.0))
    spool = Spool(folder, node, rotate_seconds=0 if once else rotate_seconds)
    written = 0
    is_up = True
    try:
        while True:
            try:
                if not is_up:
                    nvml.nvmlInit()
                    sampler.forget()
                    is_up = True
                    progress("NVML answers again")
                moment = now()
                gpus, processes = sampler.sample(moment, interval_seconds)
            except nvml.NVMLError as error:
                if once:
                    raise NvmlUnavailableError(f"NVML stopped answering: {error}. {_remedy(error)}") from error
                if is_up:
                    progress(f"NVML stopped answering: {error}. It is tried again every {interval_seconds:g} s")
                is_up = False
                with contextlib.suppress(nvml.NVMLError):
                    nvml.nvmlShutdown()
            else:
                rows = [{"kind": "gpu", **row} for row in gpus] + [{"kind": "process", **row} for row in processes]
                spool.append(moment, rows)
                written += len(gpus)
            if once or wait(interval_seconds):
                return written
    finally:
        spool.close()
        with contextlib.suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _remedy(error: Exception) -> str:
    return _REMEDIES.get(type(error).__name__, "Check with nvidia-smi on the same host")
