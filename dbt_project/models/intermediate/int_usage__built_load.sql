-- Loads that the models of usage have in them. Built last, so that a build that was stopped is done again.
-- depends_on: {{ ref('int_usage__priced') }}
-- depends_on: {{ ref('int_usage__call_size') }}
-- depends_on: {{ ref('int_service__latency_daily') }}
-- depends_on: {{ ref('int_service__peak_daily') }}
{{ config(**with_new_of_usage()) }}

select load_id from {{ ref('int_usage__new_load') }}
