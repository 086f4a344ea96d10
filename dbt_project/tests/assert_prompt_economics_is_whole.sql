{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_prompt_economics_daily'}}}) }}

-- Nothing is lost on the way to prompt economics, and nothing counted twice: tokens, requests and cost are those of usage.
with usage as (
    select
        sum(tokens) as tokens,
        sum(request_count) as request_count,
        coalesce(sum(estimated_cost), 0) as estimated_cost
    from {{ ref('int_usage__priced') }}
    where is_attributable
),

prompts as (
    select
        sum(input_tokens + output_tokens) as tokens,
        sum(request_count) as request_count,
        coalesce(sum(estimated_cost), 0) as estimated_cost
    from {{ ref('fct_prompt_economics_daily') }}
)

select usage.*, prompts.tokens as prompt_tokens, prompts.estimated_cost as prompt_cost
from usage
cross join prompts
where
    usage.tokens is distinct from prompts.tokens
    or usage.request_count is distinct from prompts.request_count
    or usage.estimated_cost <> prompts.estimated_cost
