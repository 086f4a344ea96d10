"""Reading one moment of every GPU, MIG instance and process of a host.

Here: NVML's calls and units, what a call that is not supported means, counters that start again.
Not here: how often (``collect``), where it is kept (``spool``), whose a process is (``pods``).
Source: the NVML API reference; ``nvml`` is the module ``pynvml`` of nvidia-ml-py, or an object that mirrors it.

A call that a GPU does not support leaves its field null, never zero: MIG mode has no utilisation of the whole GPU, and
consumer GPUs have no ECC. Errors that concern the whole library (the driver was restarted) are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingestion.nvml.pods import Owner, PodFinder

_MIB = 1024 * 1024
_PROFILE = re.compile(r"MIG\s+(\S+)\s*$")
_SLICES = re.compile(r"(?:(\d+)c\.)?(\d+)g\.")
_MOST_SLICES = 7  # of A100 to B200; asked for, and this where the driver does not say
_THROTTLE_REASONS = (
    "SwPowerCap",
    "HwSlowdown",
    "SyncBoost",
    "SwThermalSlowdown",
    "HwThermalSlowdown",
    "HwPowerBrakeSlowdown",
)
# What a single field may answer; everything else means that the library or the GPU has gone.
_FIELD_ERRORS = (
    "NVMLError_NotSupported",
    "NVMLError_NoPermission",
    "NVMLError_NotFound",
    "NVMLError_FunctionNotFound",
    "NVMLError_ArgumentVersionMismatch",
    "NVMLError_InvalidArgument",
    "NVMLError_NoData",
    "NVMLError_NotReady",
    "NVMLError_Deprecated",
    "NVMLError_Unknown",
)
Row = dict[str, Any]


@dataclass
class _Seen:
    """What was known of a GPU a sample ago."""

    at: datetime
    energy_joules: float | None
    process_stamp: int = 0


@dataclass
class Sampler:
    """Reads a host's GPUs through an initialised NVML. It remembers the sample before, for energy and process use."""

    nvml: Any
    node: str
    pods: PodFinder
    longest_step_seconds: float = 300.0
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def sample(self, now: datetime, default_step_seconds: float) -> tuple[list[Row], list[Row]]:
        """Rows of GPUs and of processes. The first sample of a GPU stands for ``default_step_seconds``; a gap stands
        for no more than ``longest_step_seconds``, since nobody looked.

        Raises:
            NVMLError: the driver is gone; what was read before is lost, and the next sample may be tried after
                initialising again.
        """
        gpus: list[Row] = []
        processes: list[Row] = []
        driver = self._text(self._field(self.nvml.nvmlSystemGetDriverVersion))
        for index in range(self.nvml.nvmlDeviceGetCount()):
            try:
                handle = self.nvml.nvmlDeviceGetHandleByIndex(index)
                rows, used = self._device(handle, index, now, default_step_seconds)
            except self._errors("NVMLError_GpuIsLost", "NVMLError_NoPermission"):
                continue  # the others go on
            gpus += [{**row, "driver_version": driver} for row in rows]
            processes += used
        return gpus, processes

    def forget(self) -> None:
        """After NVML was initialised again: counters may have started again, and indexes may name other GPUs."""
        for seen in self._seen.values():
            seen.process_stamp = 0

    # ── One GPU ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _device(
        self, handle: Any, index: int, now: datetime, default_step_seconds: float
    ) -> tuple[list[Row], list[Row]]:
        nvml = self.nvml
        uuid = self._text(nvml.nvmlDeviceGetUUID(handle)) or f"{self.node}/{index}"
        before = self._seen.get(uuid)
        step = default_step_seconds
        if before is not None:
            step = min(max((now - before.at).total_seconds(), 0.0), self.longest_step_seconds)
        energy = self._scaled(nvml.nvmlDeviceGetTotalEnergyConsumption, handle, scale=1000.0)
        seen = self._seen[uuid] = _Seen(now, energy, before.process_stamp if before else 0)
        mode = self._field(nvml.nvmlDeviceGetMigMode, handle)
        is_divided = bool(mode and mode[0])
        common = {
            "sampled_at": now.isoformat(),
            "step_seconds": round(step, 3),
            "node": self.node,
            "gpu_uuid": uuid,
            "gpu_index": index,
            "gpu_model": self._text(self._field(nvml.nvmlDeviceGetName, handle)),
            "mig_enabled": is_divided,
        }
        instances = list(self._instances(handle)) if is_divided else []
        running = self._running(handle, instances)
        use = {} if is_divided else self._process_use(handle, seen)
        processes = [self._process(common, entry, use) for entry in running]
        whole = {
            **common,
            **self._gauges(handle),
            "energy_joules": energy,
            "energy_used_joules": _used(before.energy_joules if before else None, energy),
            "slice_share": 1.0,
            **_holder(processes),
        }
        rows = [whole]
        rows += [self._instance(common, handle, instance, processes) for instance in instances]
        return rows, processes

    def _gauges(self, handle: Any) -> Row:
        nvml = self.nvml
        rates = self._field(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._field(nvml.nvmlDeviceGetMemoryInfo, handle)
        return {
            "duty_cycle_ratio": _ratio(rates.gpu) if rates is not None else None,
            "memory_utilization_ratio": _ratio(rates.memory) if rates is not None else None,
            "memory_used_mib": memory.used / _MIB if memory is not None else None,
            "memory_total_mib": memory.total / _MIB if memory is not None else None,
            "power_watts": self._scaled(nvml.nvmlDeviceGetPowerUsage, handle, scale=1000.0),
            "temperature_celsius": self._scaled(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            "sm_clock_mhz": self._scaled(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
            "memory_clock_mhz": self._scaled(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_MEM),
            "throttle_reasons": self._throttle_reasons(handle),
            "ecc_uncorrected_errors": self._field(
                nvml.nvmlDeviceGetTotalEccErrors,
                handle,
                nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                nvml.NVML_VOLATILE_ECC,
            ),
        }

    def _throttle_reasons(self, handle: Any) -> str | None:
        active = self._field(self.nvml.nvmlDeviceGetCurrentClocksEventReasons, handle)
        if active is None:
            return None
        masks = {name: getattr(self.nvml, f"nvmlClocksEventReason{name}") for name in _THROTTLE_REASONS}
        return ",".join(name for name, mask in masks.items() if active & mask)

    # ── MIG ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _instances(self, handle: Any) -> Iterator[_Instance]:
        nvml = self.nvml
        total = self._total_slices(handle)
        for index in range(self._field(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            instance = self._field(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
            if instance is None:
                continue
            name = self._text(self._field(nvml.nvmlDeviceGetName, instance)) or ""
            profile = match[1] if (match := _PROFILE.search(name)) else None
            yield _Instance(
                instance,
                self._text(self._field(nvml.nvmlDeviceGetUUID, instance)),
                self._field(nvml.nvmlDeviceGetGpuInstanceId, instance),
                self._field(nvml.nvmlDeviceGetComputeInstanceId, instance),
                profile,
                self._share(instance, profile, total),
            )

    def _total_slices(self, handle: Any) -> int:
        nvml = self.nvml
        infos = (
            self._field(nvml.nvmlDeviceGetGpuInstanceProfileInfo, handle, profile)
            for profile in range(nvml.NVML_GPU_INSTANCE_PROFILE_COUNT)
        )
        return max((info.sliceCount for info in infos if info is not None), default=_MOST_SLICES)

    def _share(self, instance: Any, profile: str | None, total: int) -> float | None:
        """Part of the GPU's compute slices; by its attributes, else by its name (``1c.3g.40gb`` has one of three)."""
        attributes = self._field(self.nvml.nvmlDeviceGetAttributes_v2, instance)
        if attributes is not None and attributes.computeInstanceSliceCount:
            return float(attributes.computeInstanceSliceCount) / total
        match = _SLICES.match(profile or "")
        return int(match[1] or match[2]) / total if match else None

    def _instance(self, common: Row, parent: Any, instance: _Instance, processes: list[Row]) -> Row:
        memory = self._field(self.nvml.nvmlDeviceGetMemoryInfo, instance.handle)
        own = [row for row in processes if row["mig_uuid"] == instance.uuid]
        return {
            **common,
            "mig_uuid": instance.uuid,
            "gpu_instance_id": instance.gpu_instance_id,
            "compute_instance_id": instance.compute_instance_id,
            "mig_profile": instance.profile,
            "slice_share": instance.share,
            "memory_used_mib": memory.used / _MIB if memory is not None else None,
            "memory_total_mib": memory.total / _MIB if memory is not None else None,
            **_holder(own),
        }

    # ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _running(self, handle: Any, instances: list[_Instance]) -> list[tuple[Any, str | None]]:
        """Compute processes, each with the MIG instance that it runs on."""
        by_ids = {(i.gpu_instance_id, i.compute_instance_id): i.uuid for i in instances}
        found: dict[tuple[int, str | None], Any] = {}
        for process in self._field(self.nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []:
            ids = (getattr(process, "gpuInstanceId", None), getattr(process, "computeInstanceId", None))
            found[process.pid, by_ids.get(ids)] = process
        for instance in instances:
            # Some drivers tell the processes of an instance only when it is asked itself.
            for process in self._field(self.nvml.nvmlDeviceGetComputeRunningProcesses, instance.handle) or []:
                found.pop((process.pid, None), None)
                found[process.pid, instance.uuid] = process
        return [(process, uuid) for (_, uuid), process in found.items()]

    def _process_use(self, handle: Any, seen: _Seen) -> Mapping[int, float]:
        """Pid → mean SM utilisation since the newest sample that was seen, which the driver counts in microseconds."""
        samples = self._field(self.nvml.nvmlDeviceGetProcessUtilization, handle, seen.process_stamp) or []
        newer = [sample for sample in samples if sample.timeStamp > seen.process_stamp and sample.smUtil <= 100]
        if newer:
            seen.process_stamp = max(sample.timeStamp for sample in newer)
        by_pid: dict[int, list[int]] = {}
        for sample in newer:
            by_pid.setdefault(sample.pid, []).append(sample.smUtil)
        return {pid: sum(values) / len(values) / 100 for pid, values in by_pid.items()}

    def _process(self, common: Row, entry: tuple[Any, str | None], use: Mapping[int, float]) -> Row:
        process, mig_uuid = entry
        owner = self.pods.owner(process.pid) or Owner()
        return {
            "sampled_at": common["sampled_at"],
            "node": self.node,
            "gpu_uuid": common["gpu_uuid"],
            "mig_uuid": mig_uuid,
            "pid": process.pid,
            "process_name": program_name(self._text(self._field(self.nvml.nvmlSystemGetProcessName, process.pid))),
            "sm_utilization_ratio": use.get(process.pid),
            "memory_used_mib": process.usedGpuMemory / _MIB if process.usedGpuMemory is not None else None,
            "container_id": owner.container_id,
            "pod_uid": owner.pod_uid,
            "namespace": owner.namespace,
            "pod": owner.pod,
        }

    # ── Calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _field(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """A call's answer, or None where the GPU or driver has no such thing."""
        try:
            return call(*arguments)
        except self._errors(*_FIELD_ERRORS):
            return None

    def _scaled(self, call: Callable[..., Any], *arguments: Any, scale: float = 1.0) -> float | None:
        value = self._field(call, *arguments)
        return None if value is None else value / scale

    def _errors(self, *names: str) -> tuple[type[Exception], ...]:
        return tuple(getattr(self.nvml, name) for name in names if hasattr(self.nvml, name))

    @staticmethod
    def _text(value: Any) -> str | None:
        return value.decode(errors="replace") if isinstance(value, bytes) else value


@dataclass(frozen=True)
class _Instance:
    handle: Any
    uuid: str | None
    gpu_instance_id: int | None
    compute_instance_id: int | None
    profile: str | None
    share: float | None


def _ratio(percent: int) -> float | None:
    return percent / 100 if 0 <= percent <= 100 else None


def _used(before: float | None, now: float | None) -> float | None:
    """Energy between two readings of a counter that starts at 0 with the driver: then what it has counted since."""
    if before is None or now is None:
        return None
    return round(now - before if now >= before else now, 3)


def _holder(processes: list[Row]) -> Row:
    """How many compute, and for which pod where it is one pod alone."""
    pods = {(row["namespace"], row["pod"]) for row in processes}
    namespace, pod = pods.pop() if len(pods) == 1 else (None, None)
    return {"process_count": len({row["pid"] for row in processes}), "namespace": namespace, "pod": pod}


def program_name(path: str | None) -> str | None:
    """File name of a program. Whatever stands after it (arguments may hold people's data and secrets) is left out."""
    if not path or path.startswith("["):
        return None
    end = path.lower().find(".exe") + 4
    program = path[:end] if end > 3 else re.split(r"[\0 ]", path)[0]
    name = re.split(r"[\\/]", program)[-1].split("=")[0]
    return name[:64] or None
