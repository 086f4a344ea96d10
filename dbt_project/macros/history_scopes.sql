{# Scopes whose daily cost the statistical models read, and what says which one a cost is of; costs of which it says
   nothing are of none. #}
{% macro history_scopes() %}
    {{ return([
        ('company', "'all'"), ('business_unit', 'business_unit'), ('team', "coalesce(team, 'unallocated')"),
        ('app', 'app'), ('project', 'project'), ('model', 'model'), ('environment', 'environment'),
        ('service', 'service_name'), ('region', 'region_id'), ('provider', 'provider_name')
    ]) }}
{% endmacro %}
