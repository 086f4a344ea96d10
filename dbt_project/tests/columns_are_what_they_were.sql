{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_schema_drift'}}}) }}

-- No delivery of the last 30 days has columns that are new, missing or of another type. A warning: the contract of the
-- table has said what happens to the data, and a person says whether it should.
select drift.*
from {{ ref('fct_schema_drift') }} as drift
cross join {{ ref('stg_config__setting') }} as settings
where drift.first_seen_date > {{ add_days('settings.as_of_date', -30) }}
