-- How good the answers of an app's models were judged each month: the mean score, and the interval that has the true one with
-- 95% confidence (Wilson's). Scores between nothing and all vary no more than right and wrong do: the interval is the widest.
{% set z = '1.959963984540054' %}

with judged as (
    select
        {{ month_of('outcome_date') }} as usage_month,
        app,
        lower(model) as model,
        sum(quantity) as scored_count,
        sum({{ exact_product('quantity', 'quality_score') }}) as score_sum
    from {{ ref('stg_outcomes__record') }}
    where quality_score is not null and quantity > 0 and app is not null and model is not null
    group by 1, 2, 3
),

means as (
    select
        *,
        cast(scored_count as double) as n,
        cast(score_sum as double) / cast(scored_count as double) as mean
    from judged
),

bounds as (
    select
        *,
        (mean + {{ z }} * {{ z }} / (2 * n)) / (1 + {{ z }} * {{ z }} / n) as center,
        {{ z }} * sqrt(mean * (1 - mean) / n + {{ z }} * {{ z }} / (4 * n * n)) / (1 + {{ z }} * {{ z }} / n) as reach
    from means
)

select
    usage_month,
    app,
    model,
    cast(scored_count as decimal(38, 12)) as scored_count,
    cast(mean as decimal(18, 6)) as quality_score,
    cast(greatest(center - reach, 0) as decimal(18, 6)) as quality_low,
    cast(least(center + reach, 1) as decimal(18, 6)) as quality_high
from bounds
