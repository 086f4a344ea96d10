select
    scope_type,
    scope_value,
    currency,
    model_name,
    horizon_days,
    folds,
    mean_absolute_error,
    mean_absolute_scaled_error,
    interval_coverage,
    interval_coverage_95,
    weight,
    is_chosen,
    cast(as_of as timestamp) as as_of
from {{ source('ml', 'forecast_accuracy') }}
