-- What no tag gives an owner, with the money at stake and who it probably belongs to. Shared resources are left out: their
-- pool says who pays. So are the projects of model vendors that a rule knows by name, because nobody can tag those.
with window_of as (
    select
        as_of_date,
        {{ add_days('as_of_date', -30) }} as day_before,
        {{ month_of('as_of_date') }} as month_start
    from {{ ref('stg_config__setting') }}
),

charges as (
    select
        tagged.*,
        -- Charges without a resource are told apart by what is sold and where.
        coalesce(
            tagged.resource_id,
            {{ stable_id(['tagged.provider_name', 'tagged.sub_account_id', 'tagged.service_name']) }}
        ) as subject,
        {{ extract_group('tagged.resource_id', "'^(/subscriptions/[^/]+/resourcegroups/[^/]+)/'") }} as resource_group_id,
        tagged.usage_date > window_of.day_before as is_of_last_30_days,
        tagged.usage_date >= window_of.month_start as is_of_month
    from {{ ref('int_focus__tagged') }} as tagged
    cross join window_of
    where
        tagged.pool_id is null
        and tagged.usage_date > least(window_of.day_before, {{ add_days('window_of.month_start', -1) }})
        and tagged.usage_date <= window_of.as_of_date
),

ranked as (
    select
        *,
        row_number() over (
            partition by subject, billing_currency
            order by usage_date desc, (team is not null) desc, load_id desc, charge_id
        ) as charge_age
    from charges
),

-- How each resource stands today, by its newest charge.
states as (
    select
        newest.*,
        owners.attribution_dimension,
        owners.attribution_match,
        case
            when newest.team is null then 'no_owner'
            when owners.attribution_match in ('project', 'api_key') then 'none'
            when owners.attribution_dimension = 'app' then 'by_app'
            when owners.attribution_match <> 'tag' then 'by_name'
            else 'none'
        end as gap_kind
    from ranked as newest
    {{ join_owners('newest.owner_properties_id', 'newest.usage_date') }}
    where newest.charge_age = 1
),

amounts as (
    select
        charges.subject,
        charges.billing_currency,
        sum(charges.effective_cost) filter (where charges.is_of_last_30_days) as cost_of_last_30_days,
        sum(charges.effective_cost) filter (where charges.is_of_month) as cost_of_open_month
    from charges
    {{ join_owners('charges.owner_properties_id', 'charges.usage_date') }}
    -- What was tagged at the time has an owner, even if the resource has lost its tags since.
    where coalesce(owners.attribution_match, '') <> 'tag' or owners.attribution_dimension = 'app'
    group by 1, 2
),

wanted as (
    select distinct dimension from {{ source('config', 'tag_rule') }} where match = 'tag'
),

tagged_dimensions as (
    select distinct owner_properties_id, dimension
    from {{ ref('int_focus__owner_trial') }}
    where match = 'tag' and outcome = 'matched'
),

missing as (
    select
        states.subject,
        states.billing_currency,
        {{ text_list('wanted.dimension') }} as missing_dimensions
    from states
    cross join wanted
    left join tagged_dimensions
        on
            states.owner_properties_id = tagged_dimensions.owner_properties_id
            and wanted.dimension = tagged_dimensions.dimension
    where
        tagged_dimensions.dimension is null
        -- These follow from the team: they are missing only where its entry in tags.yml does not say them.
        and not (wanted.dimension = 'business_unit' and (states.business_unit is not null or states.team is null))
        and not (wanted.dimension = 'cost_center' and (states.cost_center is not null or states.team is null))
    group by 1, 2
),

team_keys as (
    select min_by(tag_key, priority) as team_tag_key
    from {{ source('config', 'tag_rule') }}
    where match = 'tag' and dimension = 'team'
),

-- Whose the tagged resources of the same resource group are.
votes as (
    select
        states.resource_group_id,
        states.team,
        count(distinct states.subject) as sibling_count,
        row_number() over (
            partition by states.resource_group_id
            order by count(distinct states.subject) desc, sum(states.effective_cost) desc, states.team
        ) as vote_rank,
        sum(count(distinct states.subject)) over (partition by states.resource_group_id) as tagged_sibling_count
    from states
    where states.gap_kind = 'none' and states.resource_group_id is not null
    group by states.resource_group_id, states.team
)

select
    {{ stable_id(['states.subject', 'states.billing_currency']) }} as tag_gap_id,
    cast(row_number() over (
        partition by states.billing_currency
        order by coalesce(amounts.cost_of_last_30_days, 0) desc, coalesce(amounts.cost_of_open_month, 0) desc, states.subject
    ) as bigint) as gap_rank,
    states.resource_id,
    states.resource_name,
    states.resource_type,
    states.resource_group_id,
    states.provider_name,
    states.sub_account_id,
    states.sub_account_name,
    states.service_name,
    states.billing_currency,
    states.is_ai,
    states.gap_kind,
    missing.missing_dimensions,
    states.team,
    states.app,
    states.attribution_rule,
    cast(coalesce(amounts.cost_of_last_30_days, 0) as decimal(38, 12)) as cost_of_last_30_days,
    cast(coalesce(amounts.cost_of_open_month, 0) as decimal(38, 12)) as cost_of_open_month,
    states.usage_date as last_charged_on,
    coalesce(states.team, votes.team) as suggested_team,
    case
        when states.gap_kind <> 'no_owner' then states.gap_kind
        when votes.team is not null then 'siblings'
    end as suggestion_source,
    coalesce(votes.sibling_count, 0) as sibling_count,
    cast(coalesce(votes.tagged_sibling_count, 0) as bigint) as tagged_sibling_count,
    team_keys.team_tag_key
from states
cross join team_keys
left join amounts on states.subject = amounts.subject and states.billing_currency = amounts.billing_currency
left join missing on states.subject = missing.subject and states.billing_currency = missing.billing_currency
left join votes on states.resource_group_id = votes.resource_group_id and votes.vote_rank = 1
where states.gap_kind <> 'none'
