-- What caching would have saved and did not. Measured where a source says what repeats at the start of prompts: the repeated
-- tokens that were paid as fresh input, with all of the rest of those prompts' fresh input written to the cache at what writing
-- costs more: the least that can have been missed. Elsewhere by peers: what other apps read from the cache of the same model in
-- the same month, at their middle; the range is what their quarters read. Never negative, nothing where there are no peers.
{% set own = ['usage_date', 'provider_name', 'model', 'team', 'app', 'feature'] %}
-- Fewer requests, or fewer apps, say nothing about what is usual.
{% set least_requests = 20 %}
{% set least_peers = 2 %}

with apps as (
    select
        {{ month_of('usage_date') }} as usage_month,
        provider_name,
        model,
        app,
        {{ ratio('sum(read_tokens)', 'sum(input_tokens)') }} as read_ratio,
        {{ ratio('sum(write_tokens)', 'sum(input_tokens)') }} as write_ratio,
        sum(request_count) as request_count
    from {{ ref('int_usage__cacheable') }}
    where app is not null
    group by 1, 2, 3, 4
),

compared as (
    select
        apps.usage_month,
        apps.provider_name,
        apps.model,
        apps.app,
        count(*) as peer_count,
        {%- for place, share in {'low': 0.25, 'middle': 0.5, 'high': 0.75}.items() %}
        greatest({{ quantile_of('peers.read_ratio', share) }} - max(apps.read_ratio), 0) as {{ place }}_gap,
        {%- endfor %}
        greatest({{ quantile_of('peers.write_ratio', 0.5) }} - max(apps.write_ratio), 0) as write_gap
    from apps
    inner join apps as peers
        on
            apps.usage_month = peers.usage_month
            and apps.provider_name = peers.provider_name
            and apps.model = peers.model
            and apps.app <> peers.app
    where peers.request_count >= {{ least_requests }}
    group by 1, 2, 3, 4
    having count(*) >= {{ least_peers }}
),

judged as (
    select
        cacheable.*,
        compared.peer_count,
        {%- for place in ['low', 'middle', 'high'] %}
        case
            when cacheable.told_missed_tokens is not null then cacheable.told_missed_tokens
            when compared.peer_count is not null
                then least({{ share_of_tokens('cacheable.input_tokens', 'compared.' ~ place ~ '_gap') }}, cacheable.fresh_tokens)
        end as {{ place }}_tokens,
        {%- endfor %}
        case
            when cacheable.told_missed_tokens is not null then cacheable.told_rest_tokens
            when compared.peer_count is not null
                then least({{ share_of_tokens('cacheable.input_tokens', 'compared.write_gap') }}, cacheable.fresh_tokens)
        end as more_written_tokens,
        coalesce(cacheable.told_missed_tokens + cacheable.told_rest_tokens, cacheable.fresh_tokens) as payable_tokens,
        max(case when cacheable.told_missed_tokens is not null then 1 else 0 end) over (
            partition by cacheable.{{ own | join(', cacheable.') }}
        ) as is_told
    from (
        select cacheable.*, {{ month_of('cacheable.usage_date') }} as usage_month
        from {{ ref('int_usage__cacheable') }} as cacheable
    ) as cacheable
    left join compared
        on
            cacheable.usage_month = compared.usage_month
            and cacheable.provider_name = compared.provider_name
            and cacheable.model = compared.model
            and cacheable.app = compared.app
),

priced as (
    select
        judged.*,
        {%- for place in ['low', 'middle', 'high'] %}
        case when {{ place }}_tokens is not null then greatest(
            {{ token_cost(place ~ '_tokens', 'fresh_price - read_price') }}
            - {{ token_cost(
                'least(more_written_tokens, payable_tokens - ' ~ place ~ '_tokens)', 'write_price - fresh_price'
            ) }},
            0
        ) end as {{ place }}_cost{{ ',' if not loop.last }}
        {%- endfor %}
    from judged
    -- Where a source tells of some calls of a group, the others of it are not guessed.
    where is_told = 0 or told_missed_tokens is not null
)

select
    {{ own | join(', ') }},
    currency,
    case when max(is_told) = 1 then 'measured' when max(peer_count) is not null then 'peers' else 'unknown' end as missed_basis,
    cast(max(case when is_told = 0 then peer_count end) as bigint) as missed_peer_count,
    cast(sum(middle_tokens) as bigint) as missed_cache_tokens,
    {%- for place, column in {
        'middle': 'missed_cache_cost', 'low': 'missed_cache_cost_low', 'high': 'missed_cache_cost_high'
    }.items() %}
    cast(sum({{ place }}_cost) as decimal(38, 12)) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from priced
group by 1, 2, 3, 4, 5, 6, 7
