-- The names of meters taken apart: one row per phrase found, the longest at its place. finops.meters says what phrases
-- mean; words that are no phrase are the model's.
with meters as (
    select
        sku_meter,
        -- One name under two products says which model only with its product, and then the product must not be guessed.
        case when count(distinct sku_meter_product) = 1 then min(sku_meter_product) end as meter_product
    from {{ ref('stg_focus__cost_and_usage') }}
    where sku_meter is not null
    group by sku_meter

    union all

    select distinct meter_name as sku_meter, meter_product
    from {{ ref('stg_prices__meter_price') }}
),

-- 'gpt4omini-rt-aud1217 cchd Inp glbl Tokens' → '^ gpt 4omini rt aud 1217 cchd inp glbl tokens'
{% set apart = replace_all('sku_meter', "'^([a-z]{3,4}[0-9][-_:])?(mp:)?([a-z]{3,4}[0-9][-_])?'") %}
{% set apart = replace_all(apart, "'[-@_ ]?20[0-9]{2}-[01][0-9]-[0-3][0-9]'", "' '") %}
spelt as (
    select distinct
        {{ stable_id(['sku_meter', 'meter_product']) }} as meter_name_id,
        sku_meter,
        meter_product,
        {{ split_glued_words(apart) }} as apart
    from meters
),

texts as (
    select
        meter_name_id,
        sku_meter,
        meter_product,
        '^ ' || trim({{ replace_all("lower(apart)", "'[^a-z0-9.]+'", "' '") }}) as meter_words
    from spelt
),

words as (
    {{ word_entries('texts', 'meter_name_id', 'meter_words') }}
),

phrases as (
    select
        meter_name_id,
        position,
        word as phrase_1,
        word || ' ' || lead(word, 1) over (partition by meter_name_id order by position) as phrase_2,
        word || ' ' || lead(word, 1) over (partition by meter_name_id order by position)
        || ' ' || lead(word, 2) over (partition by meter_name_id order by position) as phrase_3,
        word || ' ' || lead(word, 1) over (partition by meter_name_id order by position)
        || ' ' || lead(word, 2) over (partition by meter_name_id order by position)
        || ' ' || lead(word, 3) over (partition by meter_name_id order by position) as phrase_4
    from words
),

known as (
    select distinct phrase from {{ source('config', 'meter_word') }}
),

found as (
    {% for length in [1, 2, 3, 4] %}
    select phrases.meter_name_id, phrases.position, {{ length }} as length, known.phrase
    from phrases
    inner join known on phrases.phrase_{{ length }} = known.phrase
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A phrase inside or across a longer one is not there; of two as long, the one that begins first is.
standing as (
    select found.*
    from found
    left join found as stronger
        on
            found.meter_name_id = stronger.meter_name_id
            and found.position < stronger.position + stronger.length
            and stronger.position < found.position + found.length
            and (stronger.length > found.length or (stronger.length = found.length and stronger.position < found.position))
    where stronger.phrase is null
)

select
    texts.meter_name_id,
    texts.sku_meter,
    texts.meter_product,
    texts.meter_words,
    words.position,
    standing.phrase,
    meanings.field,
    -- What no phrase has stays as it is: a part of the model's name.
    coalesce(meanings.value, words.word) as value
from texts
inner join words on texts.meter_name_id = words.meter_name_id
left join standing
    on
        words.meter_name_id = standing.meter_name_id
        and words.position >= standing.position
        and words.position < standing.position + standing.length
left join {{ source('config', 'meter_word') }} as meanings on standing.phrase = meanings.phrase
-- A phrase of several words says what it says once, at its first word.
where standing.phrase is null or words.position = standing.position
