"""What a mapping file may say: which column of a user's own table of usage is what.

Here: the file, with the checks inside it.
Not here: the source that names it (usage_sources), reading the table (ingestion).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.values import Strict, TimeZone

NamedByMapping = Literal[
    "provider_name",
    "model",
    "deployment_name",
    "resource_id",
    "region_id",
    "deployment_type",
    "service_tier",
    "team",
    "app",
    "project",
    "feature",
    "environment",
]
"""What of a row is text that mappings, or the table, may say."""


class UsageMapping(Strict):
    """A mapping file: which column of a user's table is what. ``constants`` fill what the table does not say."""

    columns: dict[
        Literal[
            "usage_at",
            "provider_name",
            "model",
            "deployment_name",
            "resource_id",
            "request_count",
            "input_tokens",
            "cache_read_tokens",
            "cache_write_5m_tokens",
            "cache_write_1h_tokens",
            "repeated_prefix_tokens",
            "prompt_blocks",
            "output_tokens",
            "reasoning_tokens",
            "usage_json",
            "region_id",
            "deployment_type",
            "service_tier",
            "team",
            "app",
            "project",
            "feature",
            "environment",
            "customer_id",
            "user_id",
        ],
        str,
    ] = Field(
        description="Meaning → name of the column that has it. usage_json: the usage object of a response; "
        "repeated_prefix_tokens: how much of the prompt's start an earlier call had too; prompt_blocks: a JSON list of "
        "the prompt's blocks in order, each an id of all of the prompt up to its end, from which that is counted"
    )
    constants: dict[NamedByMapping, str] = Field(
        default={}, description="Meaning → value, for what the table does not say"
    )
    input_includes_cache: bool = Field(True, description="Does the input count contain the cached tokens?")
    time_zone: TimeZone = Field("UTC", description="IANA name, for times without an offset")
    time_format: str | None = Field(None, description="strptime format; ISO 8601 where absent")
    prompt_block_tokens: int | None = Field(None, ge=1, description="Tokens in one of prompt_blocks")
    prompt_cache_ttl_seconds: int = Field(
        300, ge=1, description="With prompt_blocks: how long after its last use a provider's cache would keep a block"
    )

    @model_validator(mode="after")
    def _blocks(self) -> UsageMapping:
        if ("prompt_blocks" in self.columns) != (self.prompt_block_tokens is not None):
            remedy = "Give prompt_blocks a column and prompt_block_tokens the tokens in one of them, or neither"
            raise SettingError("blocks without a size, or a size without blocks", remedy, ("prompt_block_tokens",))
        if {"prompt_blocks", "repeated_prefix_tokens"} <= set(self.columns):
            remedy = "Keep one of the two: prompt_blocks, or repeated_prefix_tokens"
            raise SettingError("both say what repeats at the start of prompts", remedy, ("columns", "prompt_blocks"))
        return self

    @model_validator(mode="after")
    def _complete(self) -> UsageMapping:
        if "usage_at" not in self.columns:
            remedy = "Add usage_at: and the name of the column with the time of the usage"
            raise SettingError("usage_at is missing", remedy, ("columns",))
        if not {"input_tokens", "output_tokens", "usage_json"} & set(self.columns):
            remedy = "Map a column to at least one of them, or usage_json to a column of usage objects"
            raise SettingError("neither input_tokens nor output_tokens is there to be priced", remedy, ("columns",))
        counted = sorted(name for name in self.columns if name.endswith("_tokens") and name != "repeated_prefix_tokens")
        if "usage_json" in self.columns and counted:
            remedy = f"Keep one of the two: usage_json, or {', '.join(counted)}"
            raise SettingError("usage_json says the counts that other columns say as well", remedy, ("columns",))
        # A usage object may be a whole response, which names its model.
        needed = ("provider_name",) if "usage_json" in self.columns else ("provider_name", "model")
        for need in needed:
            if need not in self.columns and need not in self.constants:
                raise SettingError(f"{need} is missing", "Map a column to it, or give it under constants", ("columns",))
        for name in self.constants:
            if name in self.columns:
                raise SettingError(f"{name} is under columns as well", "Keep one of the two", ("constants", name))
        return self
