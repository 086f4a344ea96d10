-- What each delivered state of a bill says a day cost, straight from the raw rows, for the months that guardrails can be
-- replayed over. A state is read once for ever: what was delivered never changes, and a year of daily exports is much.
{{ config(materialized='incremental', incremental_strategy='append') }}

{% set new_states %}
    select distinct snapshots.source_id, snapshots.load_id
    from {{ ref('int_history__snapshot') }} as snapshots
    cross join {{ ref('stg_config__setting') }} as settings
    where
        snapshots.period_start is not null
        and (
            snapshots.valid_to is null
            or snapshots.valid_to >= cast({{ add_days('settings.as_of_date', -var('guardrail_history_days')) }} as timestamp)
        )
        and snapshots.period_start >= {{ add_months(
            month_of(add_days('settings.as_of_date', -var('guardrail_history_days'))), -3
        ) }}
        {% if is_incremental() %}
        and snapshots.load_id not in (select known.load_id from {{ this }} as known)
        {% endif %}
{% endset %}
{# The engine opens no file of an earlier load, where it is told so by a constant. #}
{% set since = run_query('select min(load_id) from (' ~ new_states ~ ') as states').rows[0][0] or '9'
    if execute and is_incremental() else '' %}

with states as (
{{ new_states }}
),

delivered as (
    select
        states.source_id,
        states.load_id,
        coalesce(
            {{ given('landed.ProviderName') }}, {{ given('landed.ServiceProviderName') }},
            {{ given('landed.HostProviderName') }}, {{ given('landed.InvoiceIssuerName') }}, 'Unknown'
        ) as provider_name,
        cast({{ utc_from_text(given('landed.ChargePeriodStart')) }} as date) as usage_date,
        lower({{ given('landed.SubAccountId') }}) as sub_account_id,
        {{ given('landed.ServiceName') }} as service_name,
        upper({{ given('landed.BillingCurrency') }}) as billing_currency,
        {{ amount_from_text(given('landed.BilledCost')) }} as billed_cost,
        {{ amount_from_text(given('landed.EffectiveCost')) }} as effective_cost
    from {{ lake('focus__cost_and_usage') }} as landed
    inner join states on landed.load_id = states.load_id
    where landed.load_id >= '{{ since }}'
)

select
    source_id,
    load_id,
    provider_name,
    usage_date,
    sub_account_id,
    service_name,
    billing_currency,
    cast(sum(coalesce(effective_cost, billed_cost)) as decimal(38, 12)) as effective_cost
from delivered
where billed_cost is not null and usage_date is not null and billing_currency is not null
group by 1, 2, 3, 4, 5, 6, 7
