"""Sampling the GPUs of one host through NVML, without a scheduler, a database or the lake.

Here: ``collect``, which ``aifinops collect nvml`` runs on a GPU host.
Not here: landing what it wrote (``ingestion.sources.nvml_samples``).
"""

from __future__ import annotations

from ingestion.nvml.collect import NvmlUnavailableError, collect

__all__ = ["NvmlUnavailableError", "collect"]
