-- What was delivered twice and is counted once: the part that was left out, and what is counted instead.
select
    source_id,
    delivery_kind,
    billing_scope,
    account_key as billing_account,
    sub_account_key as sub_account,
    billing_month,
    billing_currency,
    cast(sum(row_count) as bigint) as row_count,
    cast(sum(billed_cost) as decimal(38, 12)) as billed_cost,
    kept_delivery_kind,
    kept_billing_scope,
    cast(
        'the ' || replace(kept_delivery_kind, '_', ' ') || ' of ' || kept_billing_scope
        || ' tells the same subscription and month and is counted instead' as string
    ) as reason
from {{ ref('stg_bill__left_out') }}
group by
    source_id, delivery_kind, billing_scope, account_key, sub_account_key, billing_month, billing_currency,
    kept_delivery_kind, kept_billing_scope
