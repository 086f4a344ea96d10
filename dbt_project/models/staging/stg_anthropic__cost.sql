-- What Anthropic bills, as the newest answers gave it. Its amounts are cents: "123.45" is USD 1.2345.
with answered as (
    select
        load_id,
        load_file,
        load_row,
        source_id,
        cast(bucket_start as timestamp) as bucket_start,
        cast(bucket_end as timestamp) as bucket_end,
        workspace_id,
        description,
        cost_type,
        token_type,
        model,
        service_tier,
        context_window,
        inference_geo,
        amount_cents as amount_cents_text,
        {{ amount_from_text('amount_cents') }} as amount_cents,
        upper(currency) as currency
    from {{ current_answers('anthropic__cost', "'costs'") }} as landed
)

select
    *,
    cast(amount_cents * cast('0.01' as decimal(3, 2)) as decimal(38, 12)) as amount,
    -- A day without costs may come as a row of blanks instead of no row.
    (amount_cents_text is null or amount_cents = 0) and description is null and workspace_id is null as is_blank
from answered
