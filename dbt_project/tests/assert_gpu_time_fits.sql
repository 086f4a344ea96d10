{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'stg_prometheus__gpu_sample'}}}) }}

-- A GPU has 3,600 seconds an hour: more would be counted twice. Steps longer than an hour count where they start.
select samples.gpu_uuid, samples.usage_hour, sum(samples.step_seconds) as seconds, max(samples.step_seconds) as longest_step
from {{ ref('stg_prometheus__gpu_sample') }} as samples
group by samples.gpu_uuid, samples.usage_hour
having sum(samples.step_seconds) > greatest(3600, max(samples.step_seconds))
