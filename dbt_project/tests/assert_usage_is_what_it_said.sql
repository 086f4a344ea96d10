{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'int_usage__said'}}}) }}

-- Usage is owned and priced by what its key stands for. Two sets of words under one key (a word that the key leaves out, or
-- two numbers that are equal by chance) would be taken for one. What spans say is kept by its key: there a test of
-- base_otel__genai_said sees to it.
{% set columns = ['usage_key'] + usage_said_columns() %}
select distinct {{ columns | join(', ') }} from {{ ref('int_usage__token_classes') }}
where source <> 'spans'
except
select {{ columns | join(', ') }} from {{ ref('int_usage__said') }}
