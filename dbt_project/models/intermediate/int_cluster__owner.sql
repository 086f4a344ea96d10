-- Who an allocation belongs to, as it was labelled on its day: the pod's labels read as tags, then its namespace's, then
-- rules on the namespace's name, then the form team--app. Rules hold from and to their dates, so that a namespace that was
-- replaced by one of another name keeps its owner for its own days.
{% set dimensions = ['team', 'app'] %}

with allocations as (
    select allocation_id, usage_date, namespace, labels, namespace_labels
    from {{ ref('stg_opencost__allocation') }}
    where cost_kind = 'workload'
),

pod_labels as (
    {{ tag_entries('allocations', 'allocation_id', 'labels') }}
),

namespace_labels as (
    {{ tag_entries('allocations', 'allocation_id', 'namespace_labels') }}
),

-- Prometheus writes every other character of a label's name as an underscore.
labels as (
    select allocation_id, 0 as distance, lower(tag_key) as label_key, trim(tag_value) as label_value from pod_labels
    union all
    select allocation_id, 1 as distance, lower(tag_key) as label_key, trim(tag_value) as label_value from namespace_labels
),

rules as (
    select *, {{ replace_all('lower(tag_key)', "'[^a-z0-9_]'", "'_'") }} as label_key from {{ source('config', 'tag_rule') }}
),

candidates as (
    select
        labels.allocation_id, rules.dimension, labels.distance * 1000000 + rules.priority as preference, rules.rule_id,
        coalesce(rules.value, labels.label_value) as value, rules.valid_from, rules.valid_to
    from labels
    inner join rules on rules.match = 'tag' and {{ replace_all('labels.label_key', "'[^a-z0-9_]'", "'_'") }} = rules.label_key
    where labels.label_value <> '' and (rules.pattern is null or {{ matches('labels.label_value', 'rules.pattern') }})

    union all

    select
        allocations.allocation_id, rules.dimension, 2000000 + rules.priority as preference, rules.rule_id, rules.value,
        rules.valid_from, rules.valid_to
    from allocations
    inner join rules on rules.match = 'namespace' and {{ matches('allocations.namespace', 'rules.pattern') }}

    {% for dimension, pattern in [('team', "'^(.+?)--.+$'"), ('app', "'^.+?--(.+)$'")] %}
    union all

    select
        allocation_id, '{{ dimension }}' as dimension, 9000000 as preference, 'namespace-name' as rule_id,
        {{ extract_group('namespace', pattern) }} as value, null as valid_from, null as valid_to
    from allocations
    {% endfor %}
),

found as (
    select
        allocations.allocation_id
        {%- for dimension in dimensions %},
        min_by(candidates.value, candidates.preference)
            filter (where candidates.dimension = '{{ dimension }}') as {{ dimension }},
        min_by(candidates.rule_id, candidates.preference)
            filter (where candidates.dimension = '{{ dimension }}') as {{ dimension }}_rule
        {%- endfor %}
    from allocations
    inner join candidates
        on
            allocations.allocation_id = candidates.allocation_id
            and candidates.value is not null
            and (candidates.valid_from is null or allocations.usage_date >= candidates.valid_from)
            and (candidates.valid_to is null or allocations.usage_date <= candidates.valid_to)
    group by 1
)

select
    found.allocation_id,
    coalesce(teams.team, found.team, apps.team) as team,
    coalesce(apps.app, found.app) as app,
    case when found.team is not null then found.team_rule when apps.team is not null then found.app_rule end
        as attribution_rule
from found
left join {{ source('config', 'team') }} as teams on lower(found.team) = lower(teams.team)
left join {{ source('config', 'app') }} as apps on lower(found.app) = lower(apps.app)
