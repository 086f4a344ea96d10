-- What one unit of estimate turned out to cost: billed ÷ estimated of the newest billed days of an account and model,
-- as it could be known on each day. The median of the days, so that one odd day moves nothing; where the newest days
-- agree on another level than the older ones (a price changed), theirs.
with compared as (
    select
        provider_name,
        account_id,
        model,
        currency,
        usage_date,
        sum(billed_cost) as billed_cost,
        sum(estimated_cost) as estimated_cost
    from {{ ref('int_reconcile__daily') }}
    where status = 'billed' and cause not in ('billed_otherwise', 'other_currency', 'unpriced_usage')
    group by 1, 2, 3, 4, 5
),

ratios as (
    select
        *,
        cast(billed_cost as double) / cast(estimated_cost as double) as day_ratio
    from compared
    where billed_cost > 0 and estimated_cost > 0
),

targets as (
    -- Older estimates have long been replaced.
    select distinct provider_name, account_id, model, currency, usage_date
    from {{ ref('int_reconcile__daily') }} as days
    cross join {{ ref('stg_config__setting') }} as settings
    where
        estimated_cost is not null
        and (
            not is_replaced
            or usage_date >= {{ add_days('settings.as_of_date', '-2 * settings.calibration_trailing_days') }}
        )
),

known as (
    select
        targets.*,
        ratios.day_ratio,
        row_number() over (
            partition by targets.provider_name, targets.account_id, targets.model, targets.currency, targets.usage_date
            order by ratios.usage_date desc
        ) as day_age,
        settings.calibration_trailing_days as trailing_days,
        settings.calibration_min_days as min_days,
        settings.calibration_lowest as lowest,
        settings.calibration_highest as highest,
        settings.tolerance_ratio
    from targets
    cross join {{ ref('stg_config__setting') }} as settings
    inner join ratios
        on
            targets.provider_name = ratios.provider_name
            and targets.account_id is not distinct from ratios.account_id
            and targets.model = ratios.model
            and targets.currency = ratios.currency
            -- On that day the bill had not come further than this.
            and ratios.usage_date < {{ add_days('targets.usage_date', '-settings.settle_days') }}
            and ratios.usage_date >= {{ add_days('targets.usage_date', '-4 * settings.calibration_trailing_days') }}
),

medians as (
    select
        provider_name,
        account_id,
        model,
        currency,
        usage_date,
        count(*) as billed_days,
        {{ median_of('day_ratio') }} as trailing_median,
        {{ median_of('case when day_age <= min_days then day_ratio end') }} as newest_median,
        any_value(min_days) as min_days,
        any_value(lowest) as lowest,
        any_value(highest) as highest,
        any_value(tolerance_ratio) as tolerance_ratio
    from known
    where day_age <= trailing_days
    group by 1, 2, 3, 4, 5
),

agreed as (
    select
        medians.provider_name,
        medians.account_id,
        medians.model,
        medians.currency,
        medians.usage_date,
        count(*) as agreeing_days
    from medians
    inner join known
        on
            medians.provider_name = known.provider_name
            and medians.account_id is not distinct from known.account_id
            and medians.model = known.model
            and medians.currency = known.currency
            and medians.usage_date = known.usage_date
            and known.day_age <= known.min_days
            and abs(known.day_ratio - medians.newest_median) <= medians.tolerance_ratio * medians.newest_median
    group by 1, 2, 3, 4, 5
),

chosen as (
    select
        medians.*,
        -- Nearly all of the newest days within the tolerance around their own level, and that level is another one.
        coalesce(agreed.agreeing_days, 0) >= medians.min_days - medians.min_days / 4
        and abs(medians.newest_median - medians.trailing_median) > medians.tolerance_ratio * medians.trailing_median
            as is_new_level
    from medians
    left join agreed
        on
            medians.provider_name = agreed.provider_name
            and medians.account_id is not distinct from agreed.account_id
            and medians.model = agreed.model
            and medians.currency = agreed.currency
            and medians.usage_date = agreed.usage_date
)

select
    provider_name,
    account_id,
    model,
    currency,
    usage_date,
    billed_days,
    case
        when billed_days < min_days then 'too_few_days'
        when is_new_level then 'newest_days'
        else 'trailing_days'
    end as calibration_basis,
    {{ decimal_of_double(
        'case when billed_days < min_days then 1 '
        ~ 'else greatest(lowest, least(highest, case when is_new_level then newest_median else trailing_median end)) end',
        18, 6
    ) }} as calibration_factor
from chosen
