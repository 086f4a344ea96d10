-- Charges that look like AI spend and that no rule of allocation.yml caught, with their money: what to write the next rule
-- for. A charge that a rule says is no AI spend is not listed.
with sets as (
    select distinct property_set_id, {{ property_set_columns() | join(', ') }}
    from {{ ref('int_focus__property_set') }}
),

texts as (
    select
        property_set_id,
        charge_description,
        concat_ws(' · ', service_name, sku_meter, resource_id, resource_type, charge_description, sku_price_details) as text
    from sets
),

found as (
    select
        texts.text,
        min_by(signs.candidate_id, signs.priority) as candidate_id
    from (select distinct text from texts) as texts
    inner join {{ source('config', 'ai_candidate') }} as signs on {{ matches('texts.text', 'signs.pattern') }}
    group by 1
)

select
    tagged.billing_period_start,
    tagged.provider_name,
    tagged.sub_account_id,
    tagged.service_category,
    tagged.service_name,
    tagged.sku_meter,
    tagged.resource_id,
    texts.charge_description,
    tagged.billing_currency,
    found.candidate_id,
    cast(sum(tagged.billed_cost) as decimal(38, 12)) as billed_cost,
    cast(sum(tagged.effective_cost) as decimal(38, 12)) as effective_cost,
    count(*) as charge_count
from {{ ref('int_focus__tagged') }} as tagged
inner join texts on tagged.property_set_id = texts.property_set_id
inner join found on texts.text = found.text
where tagged.ai_category_rule is null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
