-- What the delivery of each load of cost details has for each of its billing months: all that the rows of a load depend on
-- beside themselves. Where it changes, the load's rows are put into FOCUS anew, and those of no other load.
select
    months.load_id,
    months.billing_month_start,
    datasets.has_actual,
    datasets.has_amortized,
    datasets.last_amortized_date
from (select distinct load_id, delivery_id, billing_month_start from {{ ref('stg_azure_cost__load_month') }}) as months
inner join {{ ref('stg_azure_cost__dataset') }} as datasets
    on
        months.delivery_id = datasets.delivery_id
        and months.billing_month_start = datasets.billing_month_start
