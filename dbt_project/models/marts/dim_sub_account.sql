with ranked as (
    select
        provider_name, sub_account_id, sub_account_name, billing_account_id,
        row_number() over (
            partition by provider_name, sub_account_id order by usage_date desc, load_id desc, charge_id
        ) as charge_age,
        min(usage_date) over (partition by provider_name, sub_account_id) as first_charged_on,
        max(usage_date) over (partition by provider_name, sub_account_id) as last_charged_on
    from {{ ref('int_focus__tagged') }}
    where sub_account_id is not null
)

select
    provider_name,
    sub_account_id,
    sub_account_name,
    billing_account_id,
    first_charged_on,
    last_charged_on
from ranked
where charge_age = 1
