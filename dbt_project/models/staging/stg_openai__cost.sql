-- What OpenAI bills, as the newest answers gave it. A line item says model, kind and direction in words:
-- 'gpt-4o-2024-08-06, cached input', 'gpt-audio-mini audio, input', 'priority | gpt-5.6, output, long context'. What has
-- another form ('web search tool calls') is no token line.
{% set line = "'^(?:([a-z ]+) [|] )?([^ ,|]+)(?: (text|audio|image))?, (cached input|cache writes?|input|output)(?:[ _]tokens)?(?:, .*)?$'" %}

with answered as (
    select
        load_id,
        load_file,
        load_row,
        source_id,
        cast(bucket_start as timestamp) as bucket_start,
        cast(bucket_end as timestamp) as bucket_end,
        organization_id,
        project_id,
        api_key_id,
        line_item,
        amount as amount_text,
        {{ amount_from_text('amount') }} as amount,
        upper(currency) as currency,
        {{ amount_from_text('quantity') }} as quantity,
        lower(quantity_unit) as quantity_unit
    from {{ current_answers('openai__cost', "'costs'") }} as landed
)

select
    *,
    lower({{ extract_group('line_item', line, 1) }}) as line_tier,
    {{ extract_group('line_item', line, 2) }} as line_model,
    lower({{ extract_group('line_item', line, 3) }}) as line_modality,
    lower({{ extract_group('line_item', line, 4) }}) as line_direction,
    -- A day without costs may come as a row of blanks instead of no row.
    (amount_text is null or amount = 0) and line_item is null and project_id is null and api_key_id is null as is_blank
from answered
