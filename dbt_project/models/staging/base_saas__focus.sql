-- Subscriptions as FOCUS rows: a purchase on each billing date, which covers the days that follow and so has no effective
-- cost; a usage row for each of those days, whose effective costs sum to the price exactly; and what came back.
with days as (
    {{ every_day(
        '(select min(term_start) from ' ~ ref('base_saas__term') ~ ')',
        '(select max(term_end) from ' ~ ref('base_saas__term') ~ ')'
    ) }}
),

covered as (
    select
        terms.*,
        days.date_day,
        {{ stable_id(['terms.load_file', 'terms.load_row', 'terms.term_start']) }} as term_id,
        cast(
            terms.period_price - case when terms.is_refunded then terms.refund_amount else 0 end as decimal(38, 12)
        ) as day_cost,
        cast(1 as bigint) as weight_units,
        cast({{ days_between('terms.term_start', 'terms.term_end') }} + 1 as bigint) as total_units
    from {{ ref('base_saas__term') }} as terms
    inner join days on days.date_day between terms.term_start and terms.term_end
),

days_paid as (
    {{ split_exactly(
        relation='covered',
        key='term_id',
        measures=['day_cost'],
        carry=[
            'source_id', 'snapshot_id', 'load_id', 'load_file', 'load_row', 'x_file', 'x_row', 'subscription_id', 'vendor',
            'product', 'service_category', 'seats', 'currency', 'billing_cadence', 'tags', 'date_day'
        ],
        order_by='date_day'
    ) }}
),

charges as (
    select
        'purchase' as kind, source_id, snapshot_id, load_id, load_file, load_row, x_file, x_row, subscription_id, vendor,
        product, service_category, currency, billing_cadence, tags,
        term_start as charge_start,
        {{ add_days('paid_through', 1) }} as charge_end,
        period_price as billed_cost,
        cast(0 as decimal(38, 12)) as effective_cost,
        period_price as list_cost,
        unit_price as list_unit_price,
        cast(seats as string) as quantity,
        'Seats' as quantity_unit,
        cast(null as string) as charge_class,
        product || ', ' || cast(seats as string) || ' seats, ' || billing_cadence as description
    from {{ ref('base_saas__term') }}

    union all

    select
        'refund' as kind, source_id, snapshot_id, load_id, load_file, load_row, x_file, x_row, subscription_id, vendor,
        product, service_category, currency, billing_cadence, tags,
        cancelled_on as charge_start,
        {{ add_days('cancelled_on', 1) }} as charge_end,
        cast(-refund_amount as decimal(38, 12)) as billed_cost,
        cast(0 as decimal(38, 12)) as effective_cost,
        cast(-refund_amount as decimal(38, 12)) as list_cost,
        cast(null as decimal(38, 12)) as list_unit_price,
        cast(null as string) as quantity,
        cast(null as string) as quantity_unit,
        'Correction' as charge_class,
        product || ', refund after cancellation' as description
    from {{ ref('base_saas__term') }}
    where is_refunded and cancelled_on <= (select last_day from {{ ref('base_saas__horizon') }})

    union all

    select
        'usage' as kind, source_id, snapshot_id, load_id, load_file, load_row, x_file, x_row, subscription_id, vendor,
        product, service_category, currency, billing_cadence, tags,
        date_day as charge_start,
        {{ add_days('date_day', 1) }} as charge_end,
        cast(0 as decimal(38, 12)) as billed_cost,
        day_cost as effective_cost,
        day_cost as list_cost,
        day_cost as list_unit_price,
        '1' as quantity,
        'Days' as quantity_unit,
        cast(null as string) as charge_class,
        product || ', ' || cast(seats as string) || ' seats' as description
    from days_paid
    where date_day <= (select last_day from {{ ref('base_saas__horizon') }})
)

select
    {{ stable_id(['load_file', 'load_row', 'kind', 'charge_start']) }} as charge_id,
    load_id,
    load_file,
    load_row,
    source_id,
    snapshot_id,
    x_file,
    x_row,
    {{ focus_row(
        {
            'ProviderName': 'vendor', 'PublisherName': 'vendor', 'InvoiceIssuerName': 'vendor',
            'ServiceProviderName': 'vendor',
            'BillingAccountId': "'saas/' || lower(vendor)", 'BillingAccountName': 'vendor',
            'BillingAccountType': "'Vendor account'",
            'BillingCurrency': 'currency', 'PricingCurrency': 'currency',
            'BillingPeriodStart': month_of('charge_start'), 'BillingPeriodEnd': add_months(month_of('charge_start'), 1),
            'ChargePeriodStart': 'charge_start', 'ChargePeriodEnd': 'charge_end',
            'ChargeCategory': "case kind when 'usage' then 'Usage' else 'Purchase' end",
            'ChargeClass': 'charge_class',
            'ChargeDescription': 'description',
            'ChargeFrequency': "case kind when 'purchase' then 'Recurring' when 'refund' then 'One-Time' else 'Usage-Based' end",
            'PricingCategory': "case when kind <> 'refund' then 'Standard' end",
            'PricingQuantity': 'quantity', 'PricingUnit': 'quantity_unit',
            'ConsumedQuantity': "case kind when 'usage' then quantity end",
            'ConsumedUnit': "case kind when 'usage' then quantity_unit end",
            'ListUnitPrice': 'list_unit_price', 'ContractedUnitPrice': 'list_unit_price',
            'BilledCost': 'billed_cost', 'EffectiveCost': 'effective_cost',
            'ListCost': 'list_cost', 'ContractedCost': 'list_cost',
            'ServiceCategory': 'service_category', 'ServiceName': 'product',
            'ResourceId': "'saas/' || subscription_id", 'ResourceName': 'product', 'ResourceType': "'Subscription'",
            'SkuId': "lower(vendor || '/' || product)", 'SkuMeter': "case kind when 'usage' then 'Days' else 'Seats' end",
            'SkuPriceId': "case when kind <> 'refund' then lower(vendor || '/' || product || '/' || billing_cadence) end",
            'Tags': 'tags'
        },
        x_repairs="case kind when 'usage' then 'EffectiveCost,ListCost,ContractedCost' end"
    ) }}
from charges
