-- Loads that the priced usage has in it. Built last, so that a build that was stopped is done again.
-- depends_on: {{ ref('int_usage__priced') }}
{{ config(**with_new_of_usage()) }}

select load_id from {{ ref('int_usage__new_load') }}
