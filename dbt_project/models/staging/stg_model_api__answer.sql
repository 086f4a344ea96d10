-- Which load tells a day of a report of OpenAI or Anthropic: of the answers that cover the most of the day the newest. A
-- day that was asked and has no rows is here with row_count 0: an explicit zero, which also replaces what an earlier
-- answer said.
{% set tables = ['openai__usage', 'openai__cost', 'anthropic__usage', 'anthropic__cost'] %}
{% set scopes = {'openai__usage': 'landed.endpoint', 'openai__cost': "'costs'", 'anthropic__usage': "'messages'", 'anthropic__cost': "'costs'"} %}

with windows as (
    select
        landed.source_id,
        landed.table_name,
        landed.scope,
        landed.load_id,
        cast(landed.window_start as timestamp) as window_start,
        cast(landed.window_end as timestamp) as window_end,
        cast(landed.requested_at as timestamp) as requested_at
    from {{ lake('landing__window') }} as landed
    where landed.table_name in ({% for table in tables %}'{{ table }}'{{ ', ' if not loop.last }}{% endfor %})
),

days as (
    {{ every_day(
        '(select cast(min(window_start) as date) from windows)', '(select cast(max(window_end) as date) from windows)'
    ) }}
),

answers as (
    select
        windows.*,
        days.date_day as answer_date,
        windows.window_end >= cast({{ add_days('days.date_day', 1) }} as timestamp) as is_whole_day,
        row_number() over (
            partition by windows.source_id, windows.table_name, windows.scope, days.date_day
            order by
                least(windows.window_end, cast({{ add_days('days.date_day', 1) }} as timestamp)) desc,
                windows.requested_at desc,
                windows.load_id desc
        ) as answer_age
    from windows
    inner join days
        on
            days.date_day >= cast(windows.window_start as date)
            and cast(days.date_day as timestamp) < windows.window_end
),

counted as (
    {% for table in tables -%}
    select
        '{{ table }}' as table_name,
        {{ scopes[table] }} as scope,
        landed.source_id,
        landed.load_id,
        cast(landed.bucket_start as date) as answer_date,
        count(*) as row_count
    from {{ lake(table) }} as landed
    group by 1, 2, 3, 4, 5
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    answers.source_id,
    answers.table_name,
    answers.scope,
    answers.answer_date,
    answers.load_id,
    answers.window_start,
    answers.window_end,
    answers.requested_at,
    answers.is_whole_day,
    coalesce(counted.row_count, 0) as row_count
from answers
left join counted
    on
        answers.table_name = counted.table_name
        and answers.scope = counted.scope
        and answers.source_id = counted.source_id
        and answers.load_id = counted.load_id
        and answers.answer_date = counted.answer_date
where answers.answer_age = 1
