-- Estimate beside bill, per account, day, model and token class: what replaced what, and by how much they differ.
-- Usage that names no account is compared with those accounts of its provider that day that no other usage names.
with estimated as (
    select * from {{ ref('int_reconcile__estimated') }}
),

named as (
    select distinct account_id, usage_date from estimated where account_id is not null
),

unnamed as (
    select distinct provider_name, usage_date from estimated where account_id is null
),

billed as (
    select
        charges.provider_name,
        case when named.account_id is null and unnamed.usage_date is not null then null else charges.account_id end
            as account_id,
        charges.usage_date,
        charges.model,
        charges.token_class,
        charges.currency,
        sum(charges.billed_cost) as billed_cost,
        case when count(*) = count(charges.billed_tokens) then sum(charges.billed_tokens) end as billed_tokens,
        max(bills.billed_through) as billed_through
    from {{ ref('int_reconcile__billed') }} as charges
    left join named on charges.account_id = named.account_id and charges.usage_date = named.usage_date
    left join unnamed on charges.provider_name = unnamed.provider_name and charges.usage_date = unnamed.usage_date
    left join (
        select source_id, max(usage_date) as billed_through from {{ ref('int_reconcile__billed') }} group by 1
    ) as bills on charges.source_id = bills.source_id
    group by 1, 2, 3, 4, 5, 6
),

-- The same key in another currency is still the same usage: it meets what is left of the bill, and is not compared.
{% set key = ['provider_name', 'account_id', 'usage_date', 'model', 'token_class'] %}
{% for side, other in [('estimated', 'billed'), ('billed', 'estimated')] %}
{{ side }}_keyed as (
    select
        {{ side }}.*,
        {{ stable_id(key) }} as key_id,
        case
            when counterparts.other_currency is not null then {{ side }}.currency
            else 'other ' || cast(
                row_number() over (
                    partition by {{ stable_id(key) }}, counterparts.other_currency order by {{ side }}.currency
                ) as string
            )
        end as counterpart
    from {{ side }}
    left join (
        select distinct {{ stable_id(key) }} as other_key_id, currency as other_currency from {{ other }}
    ) as counterparts
        on {{ stable_id(key) }} = counterparts.other_key_id and {{ side }}.currency = counterparts.other_currency
),

{% endfor -%}
met as (
    select
        {%- for column in key %}
        coalesce(estimated_keyed.{{ column }}, billed_keyed.{{ column }}) as {{ column }},
        {%- endfor %}
        coalesce(billed_keyed.currency, estimated_keyed.currency) as currency,
        billed_keyed.key_id is not null as is_on_bill,
        estimated_keyed.key_id is not null as is_used,
        billed_keyed.currency <> estimated_keyed.currency as is_other_currency,
        coalesce(estimated_keyed.is_billed_otherwise, false) and billed_keyed.key_id is null as is_billed_otherwise,
        estimated_keyed.estimated_tokens,
        estimated_keyed.estimated_cost,
        billed_keyed.billed_tokens,
        billed_keyed.billed_cost,
        coalesce(estimated_keyed.billed_through, billed_keyed.billed_through) as billed_through
    from estimated_keyed
    full outer join billed_keyed
        on estimated_keyed.key_id = billed_keyed.key_id and estimated_keyed.counterpart = billed_keyed.counterpart
),

judged as (
    select
        met.*,
        settings.tolerance_ratio,
        settings.min_amount,
        case
            when {{ add_days('met.usage_date', 'settings.settle_days') }} <= met.billed_through then 'billed'
            when met.is_on_bill or met.is_billed_otherwise then 'partly'
            else 'estimated'
        end as status
    from met
    cross join {{ ref('stg_config__setting') }} as settings
),

measured as (
    select
        *,
        case when not coalesce(is_other_currency, false) then estimated_cost end as comparable_cost,
        case
            when
                status = 'estimated'
                or is_billed_otherwise
                or coalesce(is_other_currency, false)
                or (is_used and estimated_cost is null)
                then null
            else coalesce(billed_cost, 0) - coalesce(estimated_cost, 0)
        end as drift_cost
    from judged
),

divided as (
    select
        *,
        cast(
            case
                when drift_cost is null then null
                when not is_used or not is_on_bill then drift_cost
                when billed_tokens is null then null
                when estimated_tokens = 0 then drift_cost
                else
                    cast(billed_tokens - estimated_tokens as double) / cast(estimated_tokens as double)
                    * cast(estimated_cost as double)
            end as decimal(38, 12)
        ) as quantity_drift_cost,
        cast(
            greatest(cast(coalesce(comparable_cost, 0) as double) * tolerance_ratio, cast(min_amount as double))
            as decimal(38, 12)
        ) as tolerance
    from measured
)

select
    provider_name,
    account_id,
    usage_date,
    model,
    token_class,
    currency,
    status,
    status <> 'estimated' as is_replaced,
    estimated_tokens,
    comparable_cost as estimated_cost,
    billed_tokens,
    billed_cost,
    cast(drift_cost as decimal(38, 12)) as drift_cost,
    {{ ratio('drift_cost', 'comparable_cost') }} as drift_ratio,
    cast(drift_cost - quantity_drift_cost as decimal(38, 12)) as price_drift_cost,
    quantity_drift_cost,
    tolerance,
    case
        when status = 'estimated' then null
        when is_billed_otherwise then 'billed_otherwise'
        when coalesce(is_other_currency, false) then 'other_currency'
        when is_used and estimated_cost is null then 'unpriced_usage'
        when abs(drift_cost) <= tolerance then 'within_tolerance'
        when not is_used then 'billed_without_usage'
        when not is_on_bill then 'usage_without_bill'
        when quantity_drift_cost is null then 'unknown_quantity'
        when abs(quantity_drift_cost) > abs(drift_cost - quantity_drift_cost) then 'quantity'
        else 'price'
    end as cause
from divided
