select
    max(case when name = 'as_of' then cast(value as timestamp) end) as as_of,
    cast(max(case when name = 'as_of' then cast(value as timestamp) end) as date) as as_of_date,
    coalesce(max(case when name = 'fiscal_year_first_month' then cast(value as bigint) end), 1) as fiscal_year_first_month,
    coalesce(max(case when name = 'coverage_target' then cast(value as double) end), 0.95) as coverage_target
from {{ source('config', 'setting') }}
