{{ config(**told_by_month(reads={'int_currency__rate': month_of('usage_date')})) }}

with daily as (
    select
        usage_date,
        billing_period_start,
        provider_name,
        billing_account_id,
        sub_account_id,
        sub_account_name,
        billing_currency,
        service_category,
        service_name,
        region_id,
        resource_id,
        resource_name,
        charge_category,
        pricing_category,
        sku_meter,
        is_ai,
        ai_category,
        ai_category_rule,
        model,
        token_class,
        team,
        app,
        project,
        environment,
        business_unit,
        cost_center,
        owner,
        attribution_method,
        attribution_rule,
        is_idle,
        idle_kind,
        cast(sum(billed_cost) as decimal(38, 12)) as billed_cost,
        cast(sum(effective_cost) as decimal(38, 12)) as effective_cost,
        cast(sum(list_cost) as decimal(38, 12)) as list_cost,
        cast(sum(contracted_cost) as decimal(38, 12)) as contracted_cost,
        count(*) as charge_count
    from {{ ref('int_cost__union') }}
    where {{ is_told_month('usage_date') }}
    group by all
)

select
    daily.*,
    rates.reporting_currency,
    {%- for cost in ['billed_cost', 'effective_cost'] %}
    cast(
        case
            when daily.billing_currency = rates.reporting_currency then daily.{{ cost }}
            else {{ exact_product('daily.' ~ cost, 'rates.exchange_rate') }}
        end as decimal(38, 12)
    ) as reporting_{{ cost }}{{ ',' if not loop.last }}
    {%- endfor %}
from daily
left join {{ ref('int_currency__rate') }} as rates
    on daily.usage_date = rates.usage_date and daily.billing_currency = rates.billing_currency
