-- What usage is estimated to cost, by account, day, model and token class, under the provider that bills for it, with how
-- far that bill has come.
with by_currency as (
    select
        provider_name as usage_provider,
        resource_id as account_id,
        usage_date,
        model,
        {{ billed_token_class('token_class') }} as token_class,
        currency,
        sum(cast(tokens as decimal(38, 0))) as tokens,
        sum(estimated_cost) as estimated_cost,
        bool_and(price_status = 'priced') as is_priced
    from {{ ref('int_usage__daily') }}
    where is_attributable
    group by 1, 2, 3, 4, 5, 6
),

-- Unpriced usage has no currency of its own: it belongs to the priced usage beside it.
summed as (
    select
        usage_provider,
        account_id,
        usage_date,
        model,
        token_class,
        coalesce(currency, usual_currency) as currency,
        cast(sum(tokens) as decimal(38, 12)) as estimated_tokens,
        cast(sum(estimated_cost) as decimal(38, 12)) as estimated_cost,
        bool_and(is_priced) as is_priced
    from (
        select
            *,
            max(currency) over (partition by usage_provider, account_id, usage_date, model, token_class) as usual_currency
        from by_currency
    )
    group by 1, 2, 3, 4, 5, 6
),

accounts as (
    select
        coalesce(resource_id, sub_account_id) as account_id,
        max_by(provider_name, usage_date) as provider_name,
        max_by(source_id, usage_date) as source_id
    from {{ ref('stg_focus__cost_and_usage') }}
    group by 1
),

bills as (
    -- A purchase may start in the future; a bill has come as far as its newest usage that is not.
    select provider_name, source_id, max(usage_date) as billed_through
    from {{ ref('stg_focus__cost_and_usage') }}
    where
        usage_date <= (select as_of_date from {{ ref('stg_config__setting') }})
        and coalesce(charge_category, 'Usage') = 'Usage'
    group by 1, 2
),

providers as (
    select provider_name, max(billed_through) as billed_through from bills group by 1
),

-- Accounts and days that are charged for by something that tells no tokens: rented capacity, a meter nobody can read.
billed_otherwise as (
    select distinct coalesce(charges.resource_id, charges.sub_account_id) as account_id, charges.usage_date
    from {{ ref('stg_focus__cost_and_usage') }} as charges
    left join {{ ref('int_focus__meter') }} as meters
        on {{ stable_id(['charges.sku_meter', 'charges.sku_price_details']) }} = meters.meter_id
    where
        coalesce(charges.charge_category, 'Usage') = 'Usage'
        and (meters.token_class is null or coalesce(meters.is_provisioned, false))
)

select
    coalesce(accounts.provider_name, {{ billing_provider('summed.usage_provider') }}) as provider_name,
    summed.account_id,
    summed.usage_date,
    summed.model,
    summed.token_class,
    summed.currency,
    summed.estimated_tokens,
    -- A sum that leaves unpriced usage out would pass for the whole.
    case when summed.is_priced then summed.estimated_cost end as estimated_cost,
    -- Usage that names no account is covered by whatever its provider bills.
    case when summed.account_id is null then providers.billed_through else bills.billed_through end as billed_through,
    billed_otherwise.account_id is not null as is_billed_otherwise
from summed
left join accounts on summed.account_id = accounts.account_id
left join bills on accounts.provider_name = bills.provider_name and accounts.source_id = bills.source_id
left join providers on {{ billing_provider('summed.usage_provider') }} = providers.provider_name
left join billed_otherwise
    on summed.account_id = billed_otherwise.account_id and summed.usage_date = billed_otherwise.usage_date
