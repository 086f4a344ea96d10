-- The same by minute, for the hours that were asked for so finely: an hour's average hides the minute that was refused.
{% set minutes %}(select * from {{ ref('base_azure_monitor__point') }} where interval_seconds = 60){% endset %}
{{ deployment_load(minutes, 'point_at', 'minute_at') }}
