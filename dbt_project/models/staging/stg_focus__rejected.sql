{{ config(materialized='view') }}

select
    charge_id,
    source_id,
    coalesce(x_file, load_file) as x_file,
    x_row,
    rejected_column as column_name,
    case
        when rejected_text is null then rejected_column || ' is empty'
        else rejected_column || ' cannot be read: ' || rejected_text
    end as reason,
    case
        when rejected_column in ('BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost')
            then 'Write amounts like 1234.56: a point, no separators, no currency sign; then deliver the file again'
        when rejected_column = 'BillingCurrency'
            then 'Write the ISO 4217 code of three letters, such as USD; then deliver the file again'
        else 'Write times in ISO 8601, such as 2026-10-01T00:00:00Z; then deliver the file again'
    end as remedy,
    concat_ws(
        '; ',
        'BilledCost=' || billed_cost_text,
        'BillingCurrency=' || billing_currency_text,
        'ChargePeriodStart=' || charge_period_start_text,
        'ServiceName=' || service_name,
        'ResourceId=' || resource_id,
        'ChargeDescription=' || charge_description
    ) as raw_row,
    provider_name,
    usage_date,
    billing_currency,
    billed_cost
from {{ ref('base_focus__cost_and_usage') }}
where rejected_column is not null
