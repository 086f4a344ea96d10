with spans as (
    select
        provider_name,
        sub_account_id,
        min(usage_date) as first_charged_on,
        max(usage_date) as last_charged_on
    from {{ ref('int_focus__tagged') }}
    where sub_account_id is not null
    group by provider_name, sub_account_id
),

ranked as (
    select
        charges.provider_name,
        charges.sub_account_id,
        charges.sub_account_name,
        charges.billing_account_id,
        spans.first_charged_on,
        spans.last_charged_on,
        row_number() over (
            partition by charges.provider_name, charges.sub_account_id order by charges.load_id desc, charges.charge_id
        ) as charge_age
    from {{ ref('int_focus__tagged') }} as charges
    inner join spans
        on
            charges.provider_name = spans.provider_name
            and charges.sub_account_id = spans.sub_account_id
            and charges.usage_date = spans.last_charged_on
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
