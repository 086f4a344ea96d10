{# What the rules of allocation.yml may look at, besides tags: the column of a rule → the property of a charge. #}
{% macro ai_rule_properties() -%}
    {{ return({
        'service_name': 'service_name', 'service_category': 'service_category', 'sku_meter': 'sku_meter',
        'resource_id': 'resource_id', 'charge_description': 'charge_description', 'charge_category': 'charge_category',
        'provider': 'provider_name', 'sub_account': 'sub_account', 'environment': 'environment', 'project': 'project',
    }) }}
{%- endmacro %}

{# A charge's set of those properties: charges of one set have one category. `owner` is int_focus__owner. #}
{% macro ai_properties_id(charge, owner) -%}
    {{ stable_id([
        charge ~ '.service_name', charge ~ '.service_category', charge ~ '.sku_meter', charge ~ '.resource_id',
        charge ~ '.charge_description', charge ~ '.charge_category', charge ~ '.provider_name',
        charge ~ '.sub_account_id', charge ~ '.sub_account_name', charge ~ '.tags_id', owner ~ '.environment',
        owner ~ '.project'
    ]) }}
{%- endmacro %}
