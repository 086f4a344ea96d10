"""The NVML collector over captured GPUs: null where a GPU cannot say, restarts survived, nobody's command line kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pynvml
import pytest

import ingestion
from finops.config.usage_sources import NvmlSamplesSource
from finops.paths import Home
from ingestion.nvml import NvmlUnavailableError, collect
from ingestion.nvml.pods import PodFinder
from ingestion.nvml.sampler import Sampler, program_name
from ingestion.nvml.spool import Spool
from ingestion.probe import ProbeContext, probe
from tests.support.fake_nvml import FakeNvml, Gpu, Process, read_capture
from tests.support.landed import query, readable

pytestmark = pytest.mark.ids("ING-5")

NOON = datetime(2026, 10, 19, 12, tzinfo=UTC)
UID = "0a1b2c3d-1111-2222-3333-444455556666"
CONTAINER = "ab" * 32
CAPTURES = (
    "linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01",
    "linux-x86_64__nvidia-h100-mig__590.48.01",
    "linux-x86_64__nvidia-h200-mig__590.48.01",
    "linux-x86_64__nvidia-h200__590.48.01",
    "linux-x86_64__nvidia-l40s__595.80",
    "linux-x86_64__nvidia-geforce-rtx-4080-super__595.71.05",
    "linux-x86_64__nvidia-geforce-rtx-2080-super__610.57.04",
)


@pytest.fixture
def captured(real_data: Path) -> Callable[..., list[Gpu]]:
    def read(name: str, state: str = "load") -> list[Gpu]:
        return read_capture(real_data / "gpu" / "nvidia_smi_captures" / f"{name}.txt", state)

    return read


def plain_gpu(**changes: Any) -> Gpu:
    fields = {
        "Driver Version": "590", "GPU UUID": "GPU-1", "Product Name": "NVIDIA A10", "MIG Mode/Current": "N/A",
        "FB Memory Usage/Total": "24512 MiB", "FB Memory Usage/Used": "512 MiB", "Utilization/GPU": "40 %",
        "Utilization/Memory": "10 %",
    }  # fmt: skip
    return Gpu(fields, [Process(11, "/usr/bin/python3 train.py --token s3cret", 512)], [], **changes)


def sampler(nvml: FakeNvml, pods: PodFinder | None = None) -> Sampler:
    nvml.nvmlInit()
    return Sampler(nvml, "gpu-box", pods or PodFinder(Path("/nowhere"), Path("/nowhere")))


def run(nvml: FakeNvml, folder: Path, steps: list[Callable[[], None]], **settings: Any) -> list[dict[str, Any]]:
    """Collect once more than there are steps; each step happens between two samples. Returns the lines written."""
    moments = iter(range(1000))
    todo = iter(steps)
    said: list[str] = []

    def wait(_: float) -> bool:
        step = next(todo, None)
        if step is not None:
            step()
        return step is None

    collect(
        nvml, folder, node="gpu-box", interval_seconds=15, wait=wait,
        now=lambda: NOON + timedelta(seconds=15 * next(moments)), pods=PodFinder(Path("/nowhere"), Path("/nowhere")),
        progress=said.append, **settings,
    )  # fmt: skip
    assert not list(folder.glob(".*"))
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", CAPTURES)
@pytest.mark.parametrize("state", ["idle", "load"])
def test_every_captured_gpu_can_be_sampled(captured: Callable[..., list[Gpu]], name: str, state: str) -> None:
    gpus = captured(name, state)
    assert gpus
    rows, _ = sampler(FakeNvml(gpus)).sample(NOON, 15)
    whole = [row for row in rows if "mig_uuid" not in row]
    assert len(whole) == len(gpus)
    for row in whole:
        assert row["memory_total_mib"] > 1000
        assert row["power_watts"] > 0
        assert row["energy_used_joules"] is None
        assert (row["duty_cycle_ratio"] is None) == row["mig_enabled"]


@pytest.mark.ids("ING-10")
@pytest.mark.parametrize("name", [name for name in CAPTURES if "mig" in name])
def test_what_was_sampled_is_landed_once(captured: Callable[..., list[Gpu]], tmp_path: Path, name: str) -> None:
    lines = run(FakeNvml(captured(name)), tmp_path / "spool", [lambda: None])
    source = NvmlSamplesSource(id="hosts", type="nvml_samples", url=str(tmp_path / "spool"))
    home = Home(tmp_path / "home")
    result = ingestion.land(source, home, as_of=NOON, environ={})
    assert (result.rejected, result.rows["nvml__gpu_sample"]) == (0, sum(line["kind"] == "gpu" for line in lines))
    before = readable(home)
    assert ingestion.land(source, home, as_of=NOON, environ={}).snapshots == 0
    assert readable(home) == before


def test_a_divided_gpu_has_no_utilisation_and_its_slices_are_parts_of_it(captured: Callable[..., list[Gpu]]) -> None:
    gpus, processes = sampler(FakeNvml(captured("linux-x86_64__nvidia-h100-mig__590.48.01"))).sample(NOON, 15)
    whole, *slices = gpus
    assert whole["mig_enabled"] is True
    assert whole["duty_cycle_ratio"] is None
    assert whole["sm_clock_mhz"] == 1980
    assert [(row["mig_profile"], round(row["slice_share"] * 7), row["gpu_instance_id"]) for row in slices] == [
        ("3g.40gb", 3, 2), ("2g.20gb", 2, 3), ("1g.10gb", 1, 9), ("1g.10gb", 1, 10),
    ]  # fmt: skip
    # All three programs ran on the first instance.
    assert [row["process_count"] for row in gpus] == [3, 3, 0, 0, 0]
    assert {row["process_name"] for row in processes} == {"memhog", "gpu_burn"}
    assert {row["mig_uuid"] for row in processes} == {slices[0]["mig_uuid"]}


def test_a_consumer_gpu_without_ecc_says_null_and_graphics_are_no_computation(
    captured: Callable[..., list[Gpu]],
) -> None:
    gpus, processes = sampler(FakeNvml(captured("linux-x86_64__nvidia-geforce-rtx-4080-super__595.71.05"))).sample(
        NOON, 15
    )
    [gpu] = gpus
    assert (gpu["ecc_uncorrected_errors"], gpu["duty_cycle_ratio"], gpu["mig_enabled"]) == (None, 0.07, False)
    assert gpu["throttle_reasons"] == ""
    assert {row["process_name"] for row in processes} == {"kwin_wayland", "ffmpeg"}


def test_an_energy_counter_that_starts_again_counts_from_there(tmp_path: Path) -> None:
    gpu = plain_gpu(energy_mj=9_000_000)
    nvml = FakeNvml([gpu])

    def used() -> None:
        assert gpu.energy_mj is not None
        gpu.energy_mj += 600_000

    def reset() -> None:
        nvml.restart_driver()
        gpu.energy_mj = 45_000

    lines = [line for line in run(nvml, tmp_path, [used, reset, lambda: None, used]) if line["kind"] == "gpu"]
    # The sample in which the driver went is lost, NVML is initialised again in the next one.
    assert [line["energy_used_joules"] for line in lines] == [None, 600.0, 45.0, 600.0]
    assert nvml.inits == 2
    # A gap stands for what passed, but for no more than four intervals.
    assert [line["step_seconds"] for line in lines] == [15, 15, 30, 15]


def test_while_the_driver_is_away_nothing_is_written_and_the_others_go_on_when_one_gpu_is_lost(tmp_path: Path) -> None:
    lost, good = plain_gpu(), plain_gpu()
    good.fields["GPU UUID"] = "GPU-2"
    nvml = FakeNvml([lost, good])

    def away() -> None:
        nvml.down = pynvml.NVMLError_DriverNotLoaded

    def back() -> None:
        nvml.down = None

    def lose() -> None:
        lost.is_lost = True

    lines = run(nvml, tmp_path, [away, lambda: None, back, lose])
    assert [line["gpu_uuid"] for line in lines if line["kind"] == "gpu"] == [
        "GPU-1",
        "GPU-2",
        "GPU-1",
        "GPU-2",
        "GPU-2",
    ]


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("NVMLError_LibraryNotFound", "install the NVIDIA driver"),
        ("NVMLError_DriverNotLoaded", "load the module nvidia"),
        ("NVMLError_LibRmVersionMismatch", "restart the machine"),
    ],
)
def test_a_host_without_nvml_is_told_what_to_do(tmp_path: Path, error: str, remedy: str) -> None:
    nvml = FakeNvml([])
    nvml.down = getattr(pynvml, error)
    with pytest.raises(NvmlUnavailableError, match=remedy):
        run(nvml, tmp_path, [])


def test_the_command_ends_with_a_remedy_where_there_is_no_driver(tmp_path: Path, project_dir: Path) -> None:
    """The real module, on a machine without a GPU; with one, a file is written."""
    command = [sys.executable, "-m", "cli.main", "collect", "nvml", "--folder", str(tmp_path / "s"), "--once"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project_dir, env={**os.environ})
    if done.returncode:
        assert done.returncode == 1
        assert "NVML cannot be used" in done.stderr
        assert not (tmp_path / "s").exists()
    else:
        assert list((tmp_path / "s").glob("*.jsonl"))


@pytest.mark.ids("SEC-2")
def test_names_of_programs_lose_paths_and_arguments(tmp_path: Path) -> None:
    assert program_name("/opt/conda/bin/python3.11 train.py --user ann@example.com") == "python3.11"
    assert program_name(r"C:\Program Files\App\worker.exe --key abc") == "worker.exe"
    assert program_name("HF_TOKEN=abc python") == "HF_TOKEN"
    assert program_name("[Insufficient Permissions]") is None
    assert program_name(None) is None
    run(FakeNvml([plain_gpu()]), tmp_path, [])
    text = "".join(path.read_text() for path in tmp_path.glob("*.jsonl"))
    assert "python3" in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    "cgroup",
    [
        f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice/"
        f"cri-containerd-{CONTAINER}.scope",
        f"12:devices:/kubepods/besteffort/pod{UID}/{CONTAINER}\n11:cpu:/",
    ],
)
def test_a_process_finds_its_pod(tmp_path: Path, cgroup: str) -> None:
    for pid, text in ((11, cgroup), (12, "0::/user.slice/session-1.scope")):
        (tmp_path / "proc" / str(pid)).mkdir(parents=True)
        (tmp_path / "proc" / str(pid) / "cgroup").write_text(text + "\n")
    (tmp_path / "pods" / f"robotics--train_train-0_{UID}").mkdir(parents=True)
    finder = PodFinder(tmp_path / "proc", tmp_path / "pods")
    owner = finder.owner(11)
    assert owner is not None
    assert (owner.container_id, owner.pod_uid, owner.namespace, owner.pod) == (
        CONTAINER,
        UID,
        "robotics--train",
        "train-0",
    )
    assert finder.owner(12) is None
    assert finder.owner(404) is None
    [gpu], _ = sampler(FakeNvml([plain_gpu()]), finder).sample(NOON, 15)
    assert (gpu["namespace"], gpu["pod"], gpu["process_count"]) == ("robotics--train", "train-0", 1)


def test_process_utilisation_is_the_mean_since_the_sample_before() -> None:
    gpu = plain_gpu(utilization=[(11, 1000, 80), (11, 2000, 40), (99, 2000, 255)])
    taken = sampler(FakeNvml([gpu]))
    assert taken.sample(NOON, 15)[1][0]["sm_utilization_ratio"] == pytest.approx(0.6)
    assert taken.sample(NOON + timedelta(seconds=15), 15)[1][0]["sm_utilization_ratio"] is None
    gpu.utilization.append((11, 3000, 10))
    assert taken.sample(NOON + timedelta(seconds=30), 15)[1][0]["sm_utilization_ratio"] == pytest.approx(0.1)


@pytest.mark.ids("ING-10")
def test_files_rotate_and_what_a_killed_collector_left_is_closed_and_landed(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    run(FakeNvml([plain_gpu()]), spool, [lambda: None] * 6, rotate_seconds=30)
    assert len(list(spool.glob("*.jsonl"))) == 3
    # A process that has gone left an open file, cut off in its last line.
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    row = {"kind": "gpu", "sampled_at": NOON.isoformat(), "gpu_uuid": "GPU-9", "step_seconds": 15}
    left = spool / f".nvml-gpu-box-20261019T110000000000-{gone.stdout.strip()}.open"
    left.write_text(json.dumps(row) + "\n" + json.dumps(row)[:30])
    home, source = Home(tmp_path / "home"), NvmlSamplesSource(id="hosts", type="nvml_samples", url=str(spool))
    assert ingestion.land(source, home, as_of=NOON, environ={}).rows["nvml__gpu_sample"] == 7
    Spool(spool, "gpu-box")
    assert not left.exists()
    result = ingestion.land(source, home, as_of=NOON, environ={})
    assert (result.rows["nvml__gpu_sample"], result.rejected, result.skipped) == (1, 1, 3)
    assert query(home, "landing__rejected", "select x_row, reason, raw_row from rows") == [
        (2, "the line is no JSON: it was cut off", "(30 characters)")
    ]
    findings = {f.check: f.status for f in probe(source, ProbeContext(datetime.now(UTC), {}))}
    assert findings == {"reachable": "ok", "permitted": "ok", "fresh": "ok"}
    findings = {f.check: f.status for f in probe(source, ProbeContext(datetime.now(UTC) + timedelta(days=1), {}))}
    assert findings["fresh"] == "warning"


@pytest.mark.ids("ING-10")
def test_impossible_samples_are_refused(tmp_path: Path) -> None:
    good = {"kind": "gpu", "sampled_at": NOON.isoformat(), "gpu_uuid": "GPU-9", "step_seconds": 15}
    lines = [
        good,
        {**good, "step_seconds": 0},
        {**good, "duty_cycle_ratio": 40},
        {**good, "gpu_uuid": None},
        {"kind": "x"},
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    home, source = Home(tmp_path / "home"), NvmlSamplesSource(id="h", type="nvml_samples", url=str(tmp_path / "in"))
    assert ingestion.land(source, home, as_of=NOON, environ={}).rejected == 4
    columns = query(home, "landing__rejected", "select column_name from rows order by x_row")
    assert [name for (name,) in columns] == ["step_seconds", "duty_cycle_ratio", "gpu_uuid", "kind"]
