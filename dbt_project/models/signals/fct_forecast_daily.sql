select
    forecasts.forecast_date,
    forecasts.scope_type,
    forecasts.scope_value,
    forecasts.currency,
    forecasts.expected_cost,
    forecasts.lower_cost,
    forecasts.upper_cost,
    forecasts.lower_95_cost,
    forecasts.upper_95_cost,
    forecasts.model_name,
    cast(forecasts.as_of as timestamp) as as_of,
    forecasts.is_future,
    history.cost as actual_cost
from {{ source('ml', 'forecast_daily') }} as forecasts
left join {{ ref('int_signals__cost_history') }} as history
    on
        forecasts.forecast_date = history.usage_date
        and forecasts.scope_type = history.scope_type
        and forecasts.scope_value = history.scope_value
        and forecasts.currency = history.currency
        and history.metric = 'effective_cost'
