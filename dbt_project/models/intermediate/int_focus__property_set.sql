-- The distinct sets of what rules and lists look at in charges, by delivery and month: what a set means is decided once, not
-- once per charge. A bill repeats its sets every day.
{{ config(**told_by_load('delivery', reads={})) }}

select
    delivery,
    {{ month_of('usage_date') }} as usage_month,
    property_set_id,
    {%- for column in property_set_columns() %}
    any_value({{ column }}) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('base_focus__cost_and_usage') }}
where rejected_column is null and {{ is_told_load('delivery') }}
group by 1, 2, 3
