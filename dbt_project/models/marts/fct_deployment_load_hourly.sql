-- How full, how fast and how often refused a model deployment was in an hour.
{{ deployment_load(ref('stg_azure_monitor__metric'), 'point_hour', 'usage_hour') }}
