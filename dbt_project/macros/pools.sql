{# Shared cost: which charges are of which pool, and the drivers that pools are split by (finops.config.allocation.Pool). #}

{# What pools may look at: the column of a pool → the property of a charge. #}
{% macro pool_properties() -%}
    {{ return({
        'resource_id': 'resource_id', 'service_name': 'service_name', 'sku_meter': 'sku_meter',
        'charge_description': 'charge_description', 'charge_category': 'charge_category',
        'commitment_status': 'commitment_discount_status', 'provider': 'provider_name', 'sub_account': 'sub_account',
    }) }}
{%- endmacro %}

{# A charge's set of those properties: charges of one set are of one pool. #}
{% macro pool_properties_id(charge) -%}
    {{ stable_id([
        charge ~ '.resource_id', charge ~ '.service_name', charge ~ '.sku_meter', charge ~ '.charge_description',
        charge ~ '.charge_category', charge ~ '.commitment_discount_status', charge ~ '.provider_name',
        charge ~ '.sub_account_id', charge ~ '.sub_account_name'
    ]) }}
{%- endmacro %}

{% macro usage_drivers() -%}
    {{ return(['usage_cost', 'tokens', 'requests']) }}
{%- endmacro %}

{# Each with the column of int_gpu__hourly that measures it. #}
{% macro gpu_drivers() -%}
    {{ return({
        'gpu_seconds': 'allocated_seconds', 'gpu_busy_seconds': 'busy_gpu_seconds',
        'sm_active_seconds': 'coalesce(sm_active_seconds, busy_gpu_seconds)'
    }) }}
{%- endmacro %}

{# Drivers of which a part may be idle. #}
{% macro idle_drivers() -%}
    {{ return((gpu_drivers() | list) + ['provisioned_units']) }}
{%- endmacro %}

{% macro is_one_of(column, values) -%}
    {{ column }} in ('{{ values | join("', '") }}')
{%- endmacro %}

{# What asks for a set of weights: charges of a pool that agree in these have the same weights. #}
{% macro allocation_question() -%}
    {{ return([
        'pool_id', 'resource_id', 'usage_date', 'billing_currency', 'model', 'token_class', 'commitment_discount_id'
    ]) }}
{%- endmacro %}

{% macro allocation_question_id(charge) -%}
    {%- set columns = [] -%}
    {%- for column in allocation_question() -%}
        {%- do columns.append(charge ~ '.' ~ column) -%}
    {%- endfor -%}
    {{ stable_id(columns) }}
{%- endmacro %}
