{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'base_saas__focus'}}}) }}

-- Over a period that is past, the days of a subscription cost what was paid for it, to the last digit; and once a
-- subscription has begun there are charges.
with used as (
    select ResourceId as resource_id, cast(ChargePeriodStart as date) as usage_date, cast(EffectiveCost as decimal(38, 12)) as cost
    from {{ ref('base_saas__focus') }}
    where ChargeCategory = 'Usage'
),

compared as (
    select
        terms.subscription_id,
        terms.term_start,
        max(terms.period_price - case when terms.is_refunded then terms.refund_amount else 0 end) as paid,
        sum(used.cost) as amortised
    from {{ ref('base_saas__term') }} as terms
    left join used
        on
            'saas/' || terms.subscription_id = used.resource_id
            and used.usage_date between terms.term_start and terms.term_end
    where
        terms.term_end <= (select last_day from {{ ref('base_saas__horizon') }})
        -- Where another price of the same subscription began before this one ran out, their days cannot be told apart.
        and not exists (
            select 1 from {{ ref('base_saas__term') }} as others
            where
                others.subscription_id = terms.subscription_id
                and (others.load_file <> terms.load_file or others.load_row <> terms.load_row)
                and others.term_start <= terms.term_end
                and others.term_end >= terms.term_start
        )
    group by 1, 2
)

select subscription_id, term_start, cast(paid as string) as paid, cast(amortised as string) as amortised
from compared
where paid is distinct from amortised

union all

select subscription_id, start_date, 'began and has no charge', null
from {{ ref('stg_saas__subscription') }}
where
    start_date <= (select last_day from {{ ref('base_saas__horizon') }})
    and (cancelled_on is null or cancelled_on > start_date)
    and 'saas/' || subscription_id not in (select used.resource_id from used)
