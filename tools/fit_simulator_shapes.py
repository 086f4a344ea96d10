"""Fit the simulator's shapes to public traces and write simulator/shapes.json (parameters only, no copied data).

    python tools/fit_simulator_shapes.py REAL_DATA_DIR

REAL_DATA_DIR holds llm/servegen (ServeGen, Apache-2.0), llm/azure2023 (Azure LLM inference trace 2023, CC-BY-4.0),
llm/mooncake (Mooncake, Apache-2.0) and gpu/helios_earth_vc (HeliosData, CC-BY-4.0). The result is committed, so the
project never needs the inputs. What each number means stands in simulator/shapes.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

TARGET = Path(__file__).resolve().parent.parent / "simulator" / "shapes.json"
HOUR_SECONDS = 3600
QUANTILES = [0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
QUIETEST_HOUR = 3  # traces hide their clock: the quietest hour is taken for 03:00
DAY_NOISE_WINDOW = 24


def rate_profiles(servegen: pd.DataFrame) -> dict[str, list[list[float]]]:
    """24×7 multipliers with mean 1, Monday first: ``steady`` (m-large's hours) and ``office`` (mm-image's hours).

    The week comes from m-large, the only trace longer than a day: the two weeks' mean per day, rotated so that the
    quietest two adjacent days are Saturday and Sunday.
    """
    hourly = {model: rows.groupby("ts").requests.sum() for model, rows in servegen.groupby("model")}
    days = hourly["m-large"].groupby(hourly["m-large"].index // (24 * HOUR_SECONDS)).sum()
    week = np.array([days.iloc[day::7].mean() for day in range(7)])
    quietest = min(range(7), key=lambda day: week[day] + week[(day + 1) % 7])
    week = np.roll(week, 5 - quietest)
    week /= week.mean()
    profiles = {}
    for name, model in {"steady": "m-large", "office": "mm-image"}.items():
        hours = hourly[model].groupby((hourly[model].index // HOUR_SECONDS) % 24).mean().to_numpy()
        hours = (np.roll(hours, 1) + hours + np.roll(hours, -1)) / 3
        hours = np.roll(hours, QUIETEST_HOUR - int(hours.argmin()))
        grid = np.outer(week, hours / hours.mean())
        profiles[name] = (grid / grid.mean()).round(4).tolist()
    return profiles


def hourly_noise_sigma(servegen: pd.DataFrame) -> float:
    """Standard deviation of log(hour / mean of the day around it) for the biggest trace, beyond its daily cycle."""
    hourly = servegen[servegen.model == "m-large"].groupby("ts").requests.sum()
    level = np.log(hourly / hourly.rolling(DAY_NOISE_WINDOW, center=True).mean()).dropna()
    cycle = level.groupby((level.index // HOUR_SECONDS) % 24).transform("mean")
    return round(float((level - cycle).std()), 4)


def client_zipf_exponent(servegen: pd.DataFrame) -> float:
    """Slope of log(share) over log(rank) for the clients that make 99% of m-large's requests."""
    share = servegen[servegen.model == "m-large"].groupby("client_id").requests.sum().sort_values(ascending=False)
    share = share / share.sum()
    share = share[share.cumsum() <= 0.99]
    slope = np.polyfit(np.log(np.arange(1, len(share) + 1)), np.log(share), 1)[0]
    return round(float(-slope), 4)


def token_shape(inputs: pd.Series, outputs: pd.Series) -> dict[str, object]:
    """Quantiles relative to the median, a lognormal's sigma, and the rank correlation of input and output."""
    shape: dict[str, object] = {}
    for name, values in {"input": inputs, "output": outputs}.items():
        positive = values[values > 0].astype(float)
        shape[name] = {
            "median": float(positive.median()),
            "log_sigma": round(float(np.log(positive).std()), 4),
            "relative_quantiles": [round(float(q / positive.median()), 5) for q in positive.quantile(QUANTILES)],
        }
    shape["rank_correlation"] = round(float(inputs.rank().corr(outputs.rank())), 4)
    return shape


def cached_share(requests: pd.DataFrame) -> float:
    """Share of Mooncake's input tokens whose 512-token block was seen before: what a prompt cache could serve."""
    seen: set[int] = set()
    cached = total = 0
    for blocks in requests.hash_ids:
        total += len(blocks)
        cached += sum(block in seen for block in blocks)
        seen.update(blocks)
    return round(cached / total, 4)


def gpu_pool(path: Path) -> dict[str, object]:
    """Allocation of one virtual cluster: mean, hourly profile relative to it, hour-to-hour correlation and spread."""
    rows = pd.read_csv(path, usecols=["time", "gpu_utilization", "running_gpu_num", "running_gpujob_num"])
    rows["time"] = pd.to_datetime(rows["time"])
    hourly = rows.set_index("time").resample("1h").mean()
    allocation = hourly["gpu_utilization"].clip(0, 1)
    mean = float(allocation.mean())
    by_hour = allocation.groupby([allocation.index.day_of_week >= 5, allocation.index.hour]).mean()
    residual = allocation - allocation.groupby([allocation.index.day_of_week >= 5, allocation.index.hour]).transform(
        "mean"
    )
    return {
        "mean_allocation": round(mean, 4),
        "weekday_hours": [round(float(v / mean), 4) for v in by_hour.loc[False]],
        "weekend_hours": [round(float(v / mean), 4) for v in by_hour.loc[True]],
        "hour_autocorrelation": round(float(residual.autocorr(1)), 4),
        "residual_std": round(float(residual.std()), 4),
        "gpus_per_job": round(float((rows.running_gpu_num / rows.running_gpujob_num.replace(0, np.nan)).mean()), 4),
    }


def fit(data: Path) -> dict[str, object]:
    """Every table of ``shapes.json``."""
    servegen = pd.read_csv(data / "llm" / "servegen" / "servegen_hourly_by_client.csv.gz")
    azure = pd.read_csv(data / "llm" / "azure2023" / "AzureLLMInferenceTrace_code.csv")
    mooncake = pd.read_json(data / "llm" / "mooncake" / "conversation_trace.jsonl", lines=True)
    helios = data / "gpu" / "helios_earth_vc"
    reasoning = servegen[(servegen.model == "deepseek-r1") & servegen.reason_ratio.notna()]
    return {
        "source": "tools/fit_simulator_shapes.py on ServeGen, AzureLLMInferenceTrace 2023, Mooncake, HeliosData",
        "rate_profile": rate_profiles(servegen),
        "hourly_noise_sigma": hourly_noise_sigma(servegen),
        "client_zipf_exponent": client_zipf_exponent(servegen),
        "reasoning_share_of_output": round(float(np.average(reasoning.reason_ratio, weights=reasoning.requests)), 4),
        "prompt_cache_share": cached_share(mooncake),
        "token_quantiles_at": QUANTILES,
        "tokens": {
            "code": token_shape(azure.ContextTokens, azure.GeneratedTokens),
            "conversation": token_shape(mooncake.input_length, mooncake.output_length),
        },
        # Busy, medium and nearly idle virtual clusters: average allocation from 91% down to 1%.
        "gpu_pools": {name: gpu_pool(helios / f"{vc}.csv.gz") for name, vc in
                      {"busy": "vcTJs", "shared": "vc3sl", "bursty": "vchbv", "idle": "vcJkd"}.items()},
    }  # fmt: skip


def main(data: Path) -> None:
    TARGET.write_text(json.dumps(fit(data), indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
