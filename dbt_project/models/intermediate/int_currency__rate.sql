-- What one unit of a bill's currency was worth in the reporting currency on each day it was charged: the latest rate on or
-- before the day, of the first set of currencies.yml that has both currencies, unless it is older than it may be.
with days as (
    select distinct
        charges.usage_date,
        charges.billing_currency,
        settings.reporting_currency,
        settings.exchange_rate_max_age_days as max_age_days
    from {{ ref('stg_focus__cost_and_usage') }} as charges
    cross join {{ ref('stg_config__setting') }} as settings
),

sets as (
    select distinct rate_set, base_currency, is_per_base, source
    from {{ source('config', 'exchange_rate') }}
),

wanted as (
    select days.*, sets.rate_set, sets.base_currency, sets.is_per_base, sets.source
    from days
    cross join sets
    where days.billing_currency <> days.reporting_currency
),

-- Both currencies have a rate in the set's base; the base itself is worth one.
with_own_rate as (
    select wanted.*, rates.rate as own_rate, rates.valid_from as own_rate_date
    from wanted
    {{ as_of_left_join(
        source('config', 'exchange_rate'), 'rates',
        [('wanted.rate_set', 'rate_set'), ('wanted.billing_currency', 'currency')], 'wanted.usage_date', 'valid_from'
    ) }}
),

with_both_rates as (
    select with_own_rate.*, rates.rate as reporting_rate, rates.valid_from as reporting_rate_date
    from with_own_rate
    {{ as_of_left_join(
        source('config', 'exchange_rate'), 'rates',
        [('with_own_rate.rate_set', 'rate_set'), ('with_own_rate.reporting_currency', 'currency')],
        'with_own_rate.usage_date', 'valid_from'
    ) }}
),

legs as (
    select
        *,
        case when billing_currency = base_currency then 1 else own_rate end as own_leg,
        case when reporting_currency = base_currency then 1 else reporting_rate end as reporting_leg,
        case
            when billing_currency = base_currency then reporting_rate_date
            when reporting_currency = base_currency then own_rate_date
            else least(own_rate_date, reporting_rate_date)
        end as rate_date
    from with_both_rates
),

ranked as (
    select
        *,
        row_number() over (partition by usage_date, billing_currency order by rate_set) as set_rank
    from legs
    where
        own_leg is not null
        and reporting_leg is not null
        and {{ days_between('rate_date', 'usage_date') }} <= max_age_days
)

select
    days.usage_date,
    days.billing_currency,
    days.reporting_currency,
    cast(
        case
            when days.billing_currency = days.reporting_currency then 1
            when ranked.is_per_base then {{ unit_price('ranked.reporting_leg', 'ranked.own_leg') }}
            else {{ unit_price('ranked.own_leg', 'ranked.reporting_leg') }}
        end as decimal(38, 12)
    ) as exchange_rate,
    ranked.rate_date,
    ranked.source as rate_source
from days
left join ranked
    on days.usage_date = ranked.usage_date and days.billing_currency = ranked.billing_currency and ranked.set_rank = 1
