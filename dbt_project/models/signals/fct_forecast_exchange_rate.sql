select
    rate_date,
    currency,
    pricing_currency,
    expected_rate,
    lower_rate,
    upper_rate,
    lower_95_rate,
    upper_95_rate,
    is_known,
    is_monthly,
    cast(as_of as timestamp) as as_of
from {{ source('ml', 'forecast_rate') }}
