{% set moments = ['as_of', 'known_at'] %}
{% set numbers = {
    'fiscal_year_first_month': ('bigint', '1'), 'coverage_target': ('double', '0.95'),
    'tolerance_ratio': ('double', '0.02'), 'min_amount': ('decimal(38, 12)', '1'), 'settle_days': ('bigint', '2'),
    'close_after_days': ('bigint', '5'), 'calibration_trailing_days': ('bigint', '28'),
    'calibration_min_days': ('bigint', '7'), 'calibration_lowest': ('double', '0.5'),
    'calibration_highest': ('double', '2'), 'exchange_rate_max_age_days': ('bigint', '10'),
    'minimum_prompt_tokens': ('bigint', '1024'), 'quality_tolerance': ('double', '0.02'),
    'gpu_utilization_at_least': ('double', '0.6'), 'gpu_utilization_at_most': ('double', '0.85'),
    'gpu_checkpoint_minutes': ('bigint', 'null'),
} %}

select
    {%- for name in moments %}
    max(case when name = '{{ name }}' then cast(value as timestamp) end) as {{ name }},
    {%- endfor %}
    cast(max(case when name = 'as_of' then cast(value as timestamp) end) as date) as as_of_date,
    max(case when name = 'known_basis' then value end) as known_basis,
    coalesce(max(case when name = 'reporting_currency' then value end), 'USD') as reporting_currency
    {%- for name, (type, otherwise) in numbers.items() %},
    coalesce(max(case when name = '{{ name }}' then cast(value as {{ type }}) end), {{ otherwise }}) as {{ name }}
    {%- endfor %}
from {{ source('config', 'setting') }}
