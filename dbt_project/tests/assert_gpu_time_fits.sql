{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'int_gpu__sample'}}}) }}

-- A GPU has 3,600 seconds an hour, whatever it is divided into and whoever measures it: more would be counted twice. Steps
-- count in the hour they start in: one that is longer than an hour is in it as a whole, and NVML's may reach over its end.
select
    samples.physical_gpu_uuid,
    samples.usage_hour,
    sum(samples.step_seconds * samples.slice_share) as seconds,
    max(samples.step_seconds) as longest_step
from {{ ref('int_gpu__sample') }} as samples
group by samples.physical_gpu_uuid, samples.usage_hour
having sum(samples.step_seconds * samples.slice_share)
    > greatest(3600, max(samples.step_seconds)) + case when max(samples.meter) = 'nvml' then max(samples.step_seconds) else 1 end
