-- Money of 30 days that lacks a tag, per team that a rule names by other means, else per sub account. Known from the report on:
-- which tags a resource had earlier is not asked again.
with wanted as (
    select distinct dimension from {{ source('config', 'tag_rule') }} where match = 'tag'
),

gaps as (
    select
        case when gaps.team is null then 'sub_account' else 'team' end as scope_type,
        coalesce(gaps.team, gaps.sub_account_name, gaps.sub_account_id) as scope_value,
        wanted.dimension,
        gaps.billing_currency as currency,
        sum(gaps.cost_of_last_30_days) as cost
    from {{ ref('fct_tag_gap') }} as gaps
    inner join wanted on gaps.missing_dimensions like '%"' || wanted.dimension || '"%'
    where gaps.is_ai
    group by 1, 2, 3, 4
)

select
    'tag_missing' as kind,
    gaps.scope_type,
    gaps.scope_value,
    gaps.dimension as subject,
    -- A month, so that a gap that stays is told once a month.
    {{ time_as_text('settings.as_of_date', "'%Y-%m'") }} as period,
    cast({{ add_days('settings.as_of_date', -29) }} as timestamp) as period_starts_at,
    cast({{ add_days('settings.as_of_date', 1) }} as timestamp) as period_ends_at,
    'untagged_effective_cost_30d' as metric,
    'currency' as unit,
    gaps.cost as value,
    cast(null as decimal(38, 12)) as reference,
    gaps.currency,
    gaps.cost as increase_amount,
    cast({{ add_days('bill.billed_through', 1) }} as timestamp) as data_through,
    true as is_reconciled,
    settings.as_of as known_from,
    cast(null as timestamp) as known_to,
    true as is_current
from gaps
cross join {{ ref('stg_config__setting') }} as settings
cross join (
    select max(usage_date) as billed_through
    from {{ ref('int_cost__union') }}
    where usage_date <= (select as_of_date from {{ ref('stg_config__setting') }})
) as bill
where gaps.scope_value is not null and gaps.cost > 0
