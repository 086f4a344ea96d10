{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_reconciliation_daily'}}}) }}

-- The marts hold the bill to the last digit, per provider, day and currency; and they hold something as soon as the
-- lake does: a comparison of nothing with nothing would pass for ever.
with coverage as (
    select
        (select coalesce(sum(lake_row_count), 0) from {{ ref('fct_reconciliation_daily') }}) as compared_rows,
        (select coalesce(sum(rejected_row_count), 0) from {{ ref('fct_reconciliation_daily') }}) as rejected_rows,
        (select count(*) from {{ ref('fct_ai_cost_daily') }}) as mart_rows,
        (
            select count(*) from {{ lake('focus__cost_and_usage') }} as landed
            where landed.load_id in (
                select snapshots.load_id from {{ ref('stg_lake__snapshot') }} as snapshots
                where snapshots.table_name = 'focus__cost_and_usage'
            )
        ) + (
            select count(*) from {{ current_answers('openai__cost', "'costs'") }} as landed
            where
                coalesce(landed.line_item, landed.project_id, landed.api_key_id) is not null
                or (landed.amount is not null and try_cast(landed.amount as decimal(38, 12)) is distinct from 0)
        ) + (
            select count(*) from {{ current_answers('anthropic__cost', "'costs'") }} as landed
            where
                coalesce(landed.description, landed.workspace_id) is not null
                or (landed.amount_cents is not null and try_cast(landed.amount_cents as decimal(38, 12)) is distinct from 0)
        )
        + (select count(*) from {{ ref('int_reconciliation__saas') }})
        + (select count(*) from {{ ref('base_azure_cost__focus') }})
        - (select coalesce(sum(row_count), 0) from {{ ref('stg_bill__left_out') }}) as lake_rows
)

select provider_name, usage_date, billing_currency, cast(difference as string) as problem
from {{ ref('fct_reconciliation_daily') }}
where is_reconciled is distinct from true

union all

select null, null, null, 'rows of the lake that were not compared: ' || cast(lake_rows - compared_rows as string)
from coverage
where lake_rows <> compared_rows

union all

select null, null, null, 'the lake has usable rows and the mart has none'
from coverage
where lake_rows > rejected_rows and mart_rows = 0
