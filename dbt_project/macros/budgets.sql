{# What a budget may be about: its level in budgets.yml, and the value that says of which money it is. #}
{% macro budget_scopes() -%}
    {{ return([
        ('company', "'all'"), ('business_unit', 'business_unit'), ('team', 'team'), ('app', 'app'),
        ('project', 'project'), ('model', 'model'), ('environment', 'environment')
    ]) }}
{%- endmacro %}
