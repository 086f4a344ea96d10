-- Current snapshots of bills, with what was delivered: which kind of delivery, over which billing scope, which dataset.
-- Two exports (or two sources) of one scope, dataset and month are deliveries of their own; the newer one has twin_rank 1.
{% set api = '/providers/microsoft.costmanagement/' %}

with described as (
    select
        *,
        case
            when period_start is null and table_name = 'focus__cost_and_usage' then 'focus_file'
            when period_start is null then 'cost_file'
            when table_name = 'focus__cost_and_usage' then 'focus_export'
            when lower(scope) like '%{{ api }}generatecostdetailsreport/%' then 'cost_report'
            when lower(scope) like '%{{ api }}query/%' then 'cost_query'
            else 'cost_export'
        end as delivery_kind,
        case
            when period_start is null then 'files of ' || source_id
            else {{ text_before('lower(scope)', "'" ~ api ~ "'") }}
        end as billing_scope,
        case
            when table_name = 'focus__cost_and_usage' then 'FocusCost'
            else coalesce({{ text_before('format_version', "' '") }}, 'ActualCost')
        end as dataset
    from {{ ref('stg_lake__snapshot') }}
    where table_name in ('focus__cost_and_usage', 'azure_cost__detail')
),

ranked as (
    select
        *,
        case
            when period_start is null then 1
            else row_number() over (
                partition by delivery_kind, billing_scope, dataset, period_start order by submitted_at desc, load_id desc
            )
        end as twin_rank
    from described
)

select
    load_id,
    source_id,
    table_name,
    scope,
    delivery_kind,
    billing_scope,
    dataset,
    twin_rank,
    -- FOCUS files are parts of a whole: they never compete with each other, only with what Azure delivers itself.
    case
        when delivery_kind = 'focus_file' then delivery_kind
        else concat_ws('|', delivery_kind, billing_scope, cast(twin_rank as string))
    end as delivery_id,
    case
        when billing_scope like '%/resourcegroups/%' then 1
        when billing_scope like '/subscriptions/%' then 2
        when billing_scope like '%/managementgroups/%' then 3
        when {{ matches('billing_scope', "'/(invoicesections|departments|enrollmentaccounts|customers)/'") }} then 4
        when billing_scope like '%/billingprofiles/%' then 5
        when billing_scope like '%/billingaccounts/%' then 6
        when period_start is null then 5
        else 2
    end as scope_width,
    period_start,
    submitted_at,
    row_count
from ranked
