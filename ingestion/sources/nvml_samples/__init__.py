"""Samples that the NVML collector wrote on GPU hosts."""
