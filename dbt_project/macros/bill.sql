{#
  One bill may be delivered more than once: as a FOCUS export and as cost details, by exports of overlapping scopes, as
  an export and as files. What is compared is the unit of a bill: billing account, sub account, billing month. Its keys
  are made alike wherever they are needed.
#}
{% macro bill_unit(alias='') -%}
    {%- set at = alias ~ '.' if alias else '' -%}
    coalesce({{ last_part(at ~ 'BillingAccountId') }}, '') as account_key,
    coalesce({{ last_part(at ~ 'SubAccountId') }}, '') as sub_account_key,
    coalesce(left(coalesce({{ at }}BillingPeriodStart, {{ at }}ChargePeriodStart), 7), '') as billing_month
{%- endmacro %}

{# Days after a month's end in which Azure may still change it. #}
{% macro closing_days() -%}
    {{ return(5) }}
{%- endmacro %}
