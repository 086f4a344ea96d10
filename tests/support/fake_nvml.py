"""An NVML that answers from a captured ``nvidia-smi -q``, as strictly as the real one.

Here: the functions of ``pynvml`` that the collector calls, with pynvml's own constants and error classes.
Not here: anything that the capture does not say: it is refused as not supported, as the captured GPU refused it.

Handles are objects that die with ``nvmlShutdown``, counters count only when a test says so, and calling a function that
the real module does not have is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml

_MIB = 1024 * 1024
_REASONS = {
    "Idle": "GpuIdle", "Applications Clocks Setting": "ApplicationsClocksSetting", "SW Power Cap": "SwPowerCap",
    "HW Slowdown": "HwSlowdown", "HW Thermal Slowdown": "HwThermalSlowdown",
    "HW Power Brake Slowdown": "HwPowerBrakeSlowdown", "Sync Boost": "SyncBoost",
    "SW Thermal Slowdown": "SwThermalSlowdown", "Display Clock Setting": "DisplayClockSetting",
}  # fmt: skip


@dataclass
class Process:
    pid: int
    name: str
    memory_mib: int | None
    gpu_instance: int | None = None
    compute_instance: int | None = None


@dataclass
class Instance:
    """A MIG instance: its fields of the capture."""

    uuid: str
    profile: str
    gpu_instance: int
    compute_instance: int
    total_mib: int
    used_mib: int


@dataclass
class Gpu:
    """One GPU of the capture. ``fields`` is ``Section/Name`` → text as nvidia-smi prints it."""

    fields: dict[str, str]
    processes: list[Process]
    instances: list[Instance]
    energy_mj: int | None = None
    """Millijoules; None where the energy counter is not supported. nvidia-smi does not print it."""
    utilization: list[tuple[int, int, int]] = field(default_factory=list)
    """Samples of processes: pid, microseconds, percent of SM."""
    is_lost: bool = False


def read_capture(path: Path, state: str = "load") -> list[Gpu]:
    """The GPUs of a capture file, idle or under load, with the MIG devices of its ``nvidia-smi -L``."""
    text = path.read_text(encoding="utf-8", errors="replace")
    listed = re.findall(r"^\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (\S+)\)", text, re.MULTILINE)
    section = text.split(f"# {state} :: query (-q)\n", 1)[1].split("\n# " + state + " :: ", 1)[0]
    blocks = re.split(r"^GPU [0-9A-Fa-f:.]+\s*$", section, flags=re.MULTILINE)
    driver = re.search(r"Driver Version\s+: (\S+)", section)
    return [_gpu(block, listed, driver[1] if driver else "") for block in blocks[1:]]


def _gpu(block: str, listed: list[tuple[str, str]], driver: str) -> Gpu:
    fields: dict[str, str] = {"Driver Version": driver}
    processes: list[Process] = []
    instances: list[dict[str, str]] = []
    for path, value in _lines(block):
        if path[0] == "MIG Device":
            if path[-1] == "Index":
                instances.append({})
            instances[-1]["/".join(path[1:])] = value
        elif path[0] == "Processes" and len(path) == 1:
            continue  # None
        elif path[0] == "Processes":
            if path[-1] == "GPU instance ID":
                processes.append(Process(0, "", None))
            _fill(processes[-1], path[-1], value)
        else:
            fields.setdefault("/".join(path), value)
    made = [
        Instance(
            uuid, profile, int(own["GPU Instance ID"]), int(own["Compute Instance ID"]),
            int(own["Shared FB Memory Usage/Total"].split()[0]), int(own["Shared FB Memory Usage/Used"].split()[0]),
        )
        for own, (profile, uuid) in zip(instances, listed, strict=False)
    ]  # fmt: skip
    return Gpu(fields, [process for process in processes if process.name], made)


def _fill(process: Process, name: str, value: str) -> None:
    number = int(value.split()[0]) if value.split()[0].isdigit() else None
    match name:
        case "GPU instance ID":
            process.gpu_instance = number
        case "Compute instance ID":
            process.compute_instance = number
        case "Process ID":
            process.pid = number or 0
        case "Type":
            if "C" not in value:
                process.pid = -1  # graphics only: no compute process
        case "Name":
            process.name = value
        case "Used GPU Memory":
            process.memory_mib = number


def _lines(block: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path of headings and value of every line; headings are told by their indentation."""
    stack: list[tuple[int, str]] = []
    for line in block.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        name, colon, value = line.partition(" : ")
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append((indent, name.strip()))
        if colon:
            yield tuple(heading for _, heading in stack), value.strip()


class FakeNvml:
    """Mirrors the module ``pynvml`` over captured GPUs. ``down`` is the error that every call raises meanwhile."""

    def __init__(self, gpus: list[Gpu]) -> None:
        self.gpus = gpus
        self.down: type[Exception] | None = None
        self.inits = 0
        self._generation = 0
        self._is_up = False

    def __getattr__(self, name: str) -> Any:
        """Constants and error classes are the real module's; a function that is not mirrored here is a mistake."""
        value = getattr(pynvml, name)
        if callable(value) and not isinstance(value, type):
            raise AssertionError(f"the fake has no {name}")
        return value

    # ── Library ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def nvmlInit(self) -> None:  # noqa: N802
        if self.down is not None:
            raise self.down()
        self.inits += 1
        self._generation += 1
        self._is_up = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self._check()
        self._is_up = False

    def restart_driver(self) -> None:
        """What an update of the driver does: every handle is dead and counters start again."""
        self._is_up = False
        for gpu in self.gpus:
            if gpu.energy_mj is not None:
                gpu.energy_mj = 0

    def _check(self) -> None:
        if self.down is not None:
            raise self.down()
        if not self._is_up:
            raise pynvml.NVMLError_Uninitialized()

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        self._check()
        return self.gpus[0].fields["Driver Version"]

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        self._check()
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:  # noqa: N802
        self._check()
        if index >= len(self.gpus):
            raise pynvml.NVMLError_InvalidArgument()
        return (self._generation, self.gpus[index], None)

    def _of(self, handle: Any) -> tuple[Gpu, Instance | None]:
        self._check()
        generation, gpu, instance = handle
        if generation != self._generation:
            raise pynvml.NVMLError_InvalidArgument()
        if gpu.is_lost:
            raise pynvml.NVMLError_GpuIsLost()
        return gpu, instance

    def _said(self, handle: Any, path: str) -> str:
        gpu, instance = self._of(handle)
        text = gpu.fields.get(path, "N/A")
        if instance is not None or text in ("N/A", "[N/A]") or "deprecated" in text:
            raise pynvml.NVMLError_NotSupported()
        return text

    # ── Device ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def nvmlDeviceGetUUID(self, handle: Any) -> str:  # noqa: N802
        gpu, instance = self._of(handle)
        return instance.uuid if instance else gpu.fields["GPU UUID"]

    def nvmlDeviceGetName(self, handle: Any) -> str:  # noqa: N802
        gpu, instance = self._of(handle)
        name = gpu.fields["Product Name"]
        return f"{name} MIG {instance.profile}" if instance else name

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:  # noqa: N802
        gpu, memory = self._said(handle, "Utilization/GPU"), self._said(handle, "Utilization/Memory")
        return SimpleNamespace(gpu=int(gpu.split()[0]), memory=int(memory.split()[0]))

    def nvmlDeviceGetMemoryInfo(self, handle: Any, version: int | None = None) -> Any:  # noqa: N802
        _, instance = self._of(handle)
        if instance:
            return SimpleNamespace(total=instance.total_mib * _MIB, used=instance.used_mib * _MIB)
        total, used = (int(self._said(handle, f"FB Memory Usage/{name}").split()[0]) for name in ("Total", "Used"))
        return SimpleNamespace(total=total * _MIB, used=used * _MIB)

    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int:  # noqa: N802
        return round(float(self._said(handle, "GPU Power Readings/Instantaneous Power Draw").split()[0]) * 1000)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any) -> int:  # noqa: N802
        gpu, instance = self._of(handle)
        if gpu.energy_mj is None or instance is not None:
            raise pynvml.NVMLError_NotSupported()
        return gpu.energy_mj

    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int:  # noqa: N802
        assert sensor == pynvml.NVML_TEMPERATURE_GPU
        return int(self._said(handle, "Temperature/GPU Current Temp").split()[0])

    def nvmlDeviceGetClockInfo(self, handle: Any, kind: int) -> int:  # noqa: N802
        name = {pynvml.NVML_CLOCK_SM: "SM", pynvml.NVML_CLOCK_MEM: "Memory"}[kind]
        return int(self._said(handle, f"Clocks/{name}").split()[0])

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: Any) -> int:  # noqa: N802
        gpu, _ = self._of(handle)
        mask = 0
        for path, text in gpu.fields.items():
            heading, _, name = path.rpartition("/")
            if heading.startswith("Clocks Event Reasons") and "Counters" not in heading and text == "Active":
                mask |= getattr(pynvml, f"nvmlClocksEventReason{_REASONS[name]}")
        return mask

    def nvmlDeviceGetTotalEccErrors(self, handle: Any, kind: int, counter: int) -> int:  # noqa: N802
        assert (kind, counter) == (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
        names = ("SRAM Uncorrectable Parity", "SRAM Uncorrectable SEC-DED", "DRAM Uncorrectable")
        return sum(int(self._said(handle, f"ECC Errors/Volatile/{name}")) for name in names)

    # ── MIG ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def nvmlDeviceGetMigMode(self, handle: Any) -> list[int]:  # noqa: N802
        return [int(self._said(handle, f"MIG Mode/{name}") == "Enabled") for name in ("Current", "Pending")]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Any) -> int:  # noqa: N802
        self._of(handle)
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: int) -> Any:  # noqa: N802
        gpu, _ = self._of(handle)
        if index >= len(gpu.instances):
            raise pynvml.NVMLError_NotFound()
        return (self._generation, gpu, gpu.instances[index])

    def _instance(self, handle: Any) -> Instance:
        _, instance = self._of(handle)
        if instance is None:
            raise pynvml.NVMLError_InvalidArgument()
        return instance

    def nvmlDeviceGetGpuInstanceId(self, handle: Any) -> int:  # noqa: N802
        return self._instance(handle).gpu_instance

    def nvmlDeviceGetComputeInstanceId(self, handle: Any) -> int:  # noqa: N802
        return self._instance(handle).compute_instance

    def nvmlDeviceGetAttributes_v2(self, handle: Any) -> Any:  # noqa: N802
        # 3g.40gb has three slices, 1c.3g.71gb one of three.
        return SimpleNamespace(computeInstanceSliceCount=int(self._instance(handle).profile[0]))

    def nvmlDeviceGetGpuInstanceProfileInfo(self, handle: Any, profile: int, version: int = 2) -> Any:  # noqa: N802
        self._of(handle)
        slices = {
            pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE: 1, pynvml.NVML_GPU_INSTANCE_PROFILE_2_SLICE: 2,
            pynvml.NVML_GPU_INSTANCE_PROFILE_3_SLICE: 3, pynvml.NVML_GPU_INSTANCE_PROFILE_4_SLICE: 4,
            pynvml.NVML_GPU_INSTANCE_PROFILE_7_SLICE: 7,
        }  # fmt: skip
        if profile not in slices:
            raise pynvml.NVMLError_NotSupported()
        return SimpleNamespace(sliceCount=slices[profile])

    # ── Processes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> list[Any]:  # noqa: N802
        gpu, instance = self._of(handle)
        own = [p for p in gpu.processes if p.pid >= 0]
        if instance is not None:
            ids = (instance.gpu_instance, instance.compute_instance)
            own = [p for p in own if (p.gpu_instance, p.compute_instance) == ids]
        return [
            SimpleNamespace(
                pid=p.pid,
                usedGpuMemory=None if p.memory_mib is None else p.memory_mib * _MIB,
                gpuInstanceId=0xFFFFFFFF if p.gpu_instance is None else p.gpu_instance,
                computeInstanceId=0xFFFFFFFF if p.compute_instance is None else p.compute_instance,
            )
            for p in own
        ]

    def nvmlDeviceGetProcessUtilization(self, handle: Any, stamp: int) -> list[Any]:  # noqa: N802
        gpu, _ = self._of(handle)
        newer = [s for s in gpu.utilization if s[1] > stamp]
        if not newer:
            raise pynvml.NVMLError_NotFound()
        return [SimpleNamespace(pid=pid, timeStamp=at, smUtil=percent, memUtil=0) for pid, at, percent in newer]

    def nvmlSystemGetProcessName(self, pid: int) -> str:  # noqa: N802
        self._check()
        for gpu in self.gpus:
            for process in gpu.processes:
                if process.pid == pid:
                    return process.name
        raise pynvml.NVMLError_NotFound()
