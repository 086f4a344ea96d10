-- What provisioned throughput was paid for and used, beside what the same tokens cost as one pays for them, and what spilled
-- over. An account's spill-over goes to a deployment of the same account, so it stands beside the account's units.
with billed as (
    select
        charges.usage_date,
        charges.resource_id,
        charges.pool_id,
        charges.billing_currency,
        cast(sum(charges.consumed_quantity) as decimal(38, 12)) as unit_hours,
        cast(sum(charges.effective_cost) as decimal(38, 12)) as effective_cost
    from {{ ref('int_focus__tagged') }} as charges
    inner join {{ source('config', 'pool') }} as pools on charges.pool_id = pools.pool_id
    where pools.driver = 'provisioned_units' and charges.charge_category = 'Usage' and charges.consumed_quantity > 0
    group by 1, 2, 3, 4
),

used as (
    select
        usage_date,
        resource_id,
        cast(sum(case when is_idle then 0 else unit_hours end) as decimal(38, 12)) as used_unit_hours,
        cast(sum(case when is_idle then unit_hours else 0 end) as decimal(38, 12)) as idle_unit_hours
    from {{ ref('int_allocation__provisioned') }}
    group by 1, 2
),

idle as (
    select usage_date, resource_id, billing_currency, cast(sum(effective_cost) as decimal(38, 12)) as idle_cost
    from {{ ref('int_cost__union') }}
    where idle_kind = 'unused_units' and attribution_rule = pool_id
    group by 1, 2, 3
),

-- Deployments that Azure measures as provisioned, and those that others spill over to.
deployments as (
    select
        cast(point_hour as date) as usage_date,
        resource_id,
        deployment_name,
        max(case when lower(metric_name) like '%provisioned%utilization%' then 1 else 0 end) = 1 as is_provisioned,
        {%- for column, condition in [('requests', 'true'), ('spilled', 'is_spilled')] %}
        coalesce(
            {%- for metric in ['azureopenairequests', 'modelrequests'] %}
            sum(case when lower(metric_name) = '{{ metric }}' and {{ condition }} then value end){{ ',' if not loop.last }}
            {%- endfor %}
        ) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            *,
            coalesce(lower({{ json_member('dimensions', "'$.IsSpillover'") }}) = 'true', false) as is_spilled
        from {{ ref('stg_azure_monitor__metric') }}
        where deployment_name is not null
    ) as points
    group by 1, 2, 3
),

usage as (
    select
        usage_date,
        resource_id,
        deployment_name,
        currency,
        bool_or(service_tier = 'provisioned' or deployment_type = 'provisioned') as is_said_provisioned,
        sum(tokens) as tokens,
        sum(estimated_cost) as estimated_cost
    from {{ ref('int_usage__daily') }}
    where is_attributable and resource_id in (select billed.resource_id from billed)
    group by 1, 2, 3, 4
),

by_account as (
    select
        usage.usage_date,
        usage.resource_id,
        usage.currency,
        sum(
            case
                when coalesce(usage.is_said_provisioned, false) or coalesce(deployments.is_provisioned, false)
                    then usage.estimated_cost
            end
        ) as pay_as_you_go_cost,
        cast(round(sum(deployments.spilled)) as bigint) as spillover_request_count,
        cast(round(sum(usage.tokens * deployments.spilled / nullif(deployments.requests, 0))) as bigint) as spillover_tokens,
        sum({{ exact_product(
            'usage.estimated_cost', 'cast(deployments.spilled / nullif(deployments.requests, 0) as decimal(18, 12))'
        ) }}) as spillover_cost
    from usage
    left join deployments
        on
            usage.usage_date = deployments.usage_date
            and usage.resource_id = deployments.resource_id
            and usage.deployment_name = deployments.deployment_name
    group by 1, 2, 3
)

select
    billed.usage_date,
    billed.resource_id,
    billed.pool_id,
    billed.billing_currency,
    billed.unit_hours,
    used.used_unit_hours,
    used.idle_unit_hours,
    cast(used.used_unit_hours as double) / nullif(cast(billed.unit_hours as double), 0) as utilization_ratio,
    billed.effective_cost,
    idle.idle_cost,
    cast(by_account.pay_as_you_go_cost as decimal(38, 12)) as pay_as_you_go_cost,
    by_account.spillover_request_count,
    by_account.spillover_tokens,
    cast(by_account.spillover_cost as decimal(38, 12)) as spillover_cost
from billed
left join used on billed.usage_date = used.usage_date and billed.resource_id = used.resource_id
left join idle
    on
        billed.usage_date = idle.usage_date
        and billed.resource_id = idle.resource_id
        and billed.billing_currency = idle.billing_currency
left join by_account
    on
        billed.usage_date = by_account.usage_date
        and billed.resource_id = by_account.resource_id
        and billed.billing_currency = by_account.currency
