{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_true_up_monthly'}}}) }}

-- What a closed month closed with and its true-ups are together what it is now, to the last digit: per provider, month,
-- sub account and currency, against the mart, which reads the present state on a path of its own. And every closed month
-- of the mart is there: a comparison of nothing with nothing would pass for ever.
with settings as (
    select * from {{ ref('stg_config__setting') }}
),

now as (
    select
        costs.provider_name, costs.billing_period_start, costs.sub_account_id, costs.billing_currency,
        sum(costs.billed_cost) as billed_cost, sum(costs.effective_cost) as effective_cost
    from {{ ref('fct_ai_cost_daily') }} as costs
    cross join settings
    left join {{ source('config', 'closing_rule') }} as rules on costs.provider_name = rules.provider_name
    where
        cast({{ add_days(
            add_months('costs.billing_period_start', 1), 'coalesce(rules.close_after_days, settings.close_after_days)'
        ) }} as timestamp) <= settings.as_of
    group by 1, 2, 3, 4
),

told as (
    select
        provider_name, billing_period_start, sub_account_id, billing_currency,
        sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost
    from {{ ref('fct_true_up_monthly') }}
    group by 1, 2, 3, 4
)

select
    coalesce(now.provider_name, told.provider_name) as provider_name,
    coalesce(now.billing_period_start, told.billing_period_start) as billing_period_start,
    coalesce(now.sub_account_id, told.sub_account_id) as sub_account_id,
    coalesce(now.billing_currency, told.billing_currency) as billing_currency,
    now.billed_cost as billed_cost_now,
    told.billed_cost as billed_cost_told,
    now.effective_cost as effective_cost_now,
    told.effective_cost as effective_cost_told
from now
full outer join told
    on
        now.provider_name = told.provider_name
        and now.billing_period_start = told.billing_period_start
        and now.sub_account_id is not distinct from told.sub_account_id
        and now.billing_currency = told.billing_currency
where
    coalesce(now.billed_cost, 0) <> coalesce(told.billed_cost, 0)
    or coalesce(now.effective_cost, 0) <> coalesce(told.effective_cost, 0)
