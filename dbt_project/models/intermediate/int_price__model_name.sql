-- Which model of each list a model of ours is. Ours are the models of prices.yml, then those of vendors' lists, then
-- those of meters. Grain: provider, model, list and the list's model.
with listed as (
    select distinct provider_name, model, price_source
    from {{ ref('int_price__list') }}
),

vendor_lists as (
    select
        provider_name,
        lower(model) as list_model,
        min(model_order) as model_order,
        min(model_pattern) as model_pattern,
        min(exclude_pattern) as exclude_pattern
    from {{ ref('stg_prices__model_price') }}
    group by 1, 2
),

-- One model under two spellings is one model: the spelling of the list with the better rank.
ours as (
    select
        provider_name,
        {{ folded_name('model') }} as folded,
        min_by(model, {{ price_rank('price_source') }} + case when price_source = 'config' then -10 else 0 end) as model
    from listed
    group by 1, 2
),

same_spelling as (
    select
        ours.provider_name,
        ours.model,
        listed.price_source,
        listed.model as list_model
    from ours
    inner join listed
        on ours.provider_name = listed.provider_name and ours.folded = {{ folded_name('listed.model') }}
),

-- A dated or renamed model of ours that the vendors' list does not spell so may match one of its rules for names.
without_list as (
    select ours.provider_name, ours.model
    from ours
    left join same_spelling
        on
            ours.provider_name = same_spelling.provider_name
            and ours.model = same_spelling.model
            and same_spelling.price_source = 'genai_prices'
    where same_spelling.model is null
),

by_rule as (
    select
        without_list.provider_name,
        without_list.model,
        'genai_prices' as price_source,
        min_by(vendor_lists.list_model, vendor_lists.model_order) as list_model
    from without_list
    inner join vendor_lists
        on
            without_list.provider_name = vendor_lists.provider_name
            and {{ matches('without_list.model', 'vendor_lists.model_pattern') }}
            and not {{ matches('without_list.model', "coalesce(vendor_lists.exclude_pattern, 'a^')") }}
    group by 1, 2
)

select * from same_spelling
union all
select * from by_rule
