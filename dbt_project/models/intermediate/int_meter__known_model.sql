-- Names of models that price lists know, for reading the names of meters: compared without punctuation, and with their
-- words in any order (Claude4.6Sonnet is claude-sonnet-4-6).
with names as (
    select lower(model_name) as model_name, model, 1 as preference
    from {{ source('config', 'model_price') }}
    union all
    select lower(model) as model_name, lower(model) as model, 2 as preference
    from {{ ref('stg_prices__model_price') }}
    -- Resellers' names carry folders and would hide the vendors'.
    where
        provider_name in (
            'openai', 'azure.ai.openai', 'anthropic', 'gcp.gemini', 'mistral_ai', 'cohere', 'deepseek', 'x_ai',
            'aws.bedrock'
        )
        and not {{ matches('model', "'[/:]'") }}
),

spelt as (
    select
        model,
        preference,
        {{ folded_name('model_name') }} as folded,
        {{ word_key('model_name') }} as word_key
    from names
),

chosen as (
    select distinct
        folded,
        word_key,
        first_value(model) over (partition by folded order by preference, length(model), model) as model
    from spelt
)

select
    folded,
    min(word_key) as word_key,
    min(model) as model
from chosen
group by folded
