{# Comparing what usage was estimated to cost with what the bill says. #}

{# Who bills for a provider of the price book, as bills name it where nothing of the account was billed yet. #}
{% macro billing_provider(name) -%}
    case
        when {{ name }} like 'azure.%' then 'Microsoft'
        when {{ name }} = 'openai' then 'OpenAI'
        when {{ name }} = 'anthropic' then 'Anthropic'
        when {{ name }} like 'aws.%' then 'AWS'
        when {{ name }} like 'gcp.%' then 'Google Cloud'
        else {{ name }}
    end
{%- endmacro %}

{#
  Priced usage under the provider that bills for it, with its estimate as calibrated. `usage`: a relation with account_id,
  usage_date, usage_provider, model, currency and estimated_cost; all of its columns go on.
#}
{% macro calibrated_usage(usage) -%}
    (
        select
            billed_by.*,
            coalesce(calibrations.calibration_factor, cast(1 as decimal(18, 6))) as calibration_factor,
            cast(
                cast(billed_by.estimated_cost as decimal(26, 12))
                * cast(coalesce(calibrations.calibration_factor, 1) as decimal(12, 6))
                as decimal(38, 12)
            ) as calibrated_estimated_cost
        from (
            select
                told.*,
                coalesce(accounts.provider_name, {{ billing_provider('told.usage_provider') }}) as provider_name
            from {{ usage }} as told
            left join (
                -- The provider that bills for the account, as int_reconcile__estimated found it.
                select account_id, max(provider_name) as provider_name
                from {{ ref('int_reconcile__estimated') }}
                where account_id is not null
                group by 1
            ) as accounts
                on told.account_id = accounts.account_id
        ) as billed_by
        left join {{ ref('int_reconcile__calibration') }} as calibrations
            on
                billed_by.provider_name = calibrations.provider_name
                and billed_by.account_id is not distinct from calibrations.account_id
                and billed_by.model = calibrations.model
                and billed_by.currency = calibrations.currency
                and billed_by.usage_date = calibrations.usage_date
    )
{%- endmacro %}

{# Bills know output tokens only: whether they were spent on reasoning makes no difference to the price. #}
{% macro billed_token_class(name) -%}
    case {{ name }} when 'reasoning' then 'output' else {{ name }} end
{%- endmacro %}
