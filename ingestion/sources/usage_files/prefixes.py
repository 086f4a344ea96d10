"""How much of a prompt's start an earlier call had too, from the blocks that a trace tells of its prompts.

Here: one query over the staged rows of a file.
Not here: what follows from it for money (dbt).

A block's id stands for all of the prompt up to the block's end, as serving engines and published traces name them. A
block counts as repeated where an earlier call of the file (same provider, model and account) had it no longer ago than
a cache keeps it; every use keeps it anew. The first block that is not ends what repeats: caches know starts only.
"""

from __future__ import annotations

from finops.config.usage_mapping import UsageMapping

COLUMN = "repeated_prefix_tokens"
BLOCKS = "prompt_blocks"


def is_list_sql(role: str) -> str:
    """Whether a text column holds a JSON list."""
    return f"case when json_valid({role}) then json_type({role}) = 'ARRAY' else false end"


def with_repeated_prefix_sql(staged: str, mapping: UsageMapping, moment: str, scope: list[str]) -> str:
    """A query of the staged rows without their blocks and with ``repeated_prefix_tokens``; null where none are told.

    Args:
        moment: expression of the time of a row.
        scope: expressions of what shares a cache.
    """
    key = f"hash({', '.join([*scope, 'block'])})"
    told = f"select *, {moment} as moment, json_extract_string({BLOCKS}, '$[*]') as ids from {staged}"
    return f"""
        with told as ({told} where {BLOCKS} is not null),
        placed as (
            select x_row, moment, {key} as block_key, min(place) as place
            from (select *, unnest(ids) as block, unnest(range(len(ids))) as place from told)
            group by all
        ),
        used as (
            select *, lag(moment) over (partition by block_key order by moment, x_row) as last_used_at from placed
        ),
        new as (
            select x_row, min(place) as blocks
            from used
            where last_used_at is null or moment - last_used_at > to_seconds({mapping.prompt_cache_ttl_seconds})
            group by x_row
        ),
        repeated as (
            select told.x_row, coalesce(new.blocks, len(told.ids)) * {mapping.prompt_block_tokens} as {COLUMN}
            from told left join new on told.x_row = new.x_row
        )
        select staged.* exclude ({BLOCKS}), repeated.{COLUMN}
        from {staged} as staged left join repeated on staged.x_row = repeated.x_row"""
