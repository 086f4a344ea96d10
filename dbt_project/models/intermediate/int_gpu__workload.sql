-- Who runs in a namespace and pod on a day: labels read as tags by the rules of tags.yml (the pod's own before its
-- namespace's), then rules on the namespace's name, then the form team--app. Labels and rules are those of the day: a
-- namespace that was relabelled, or replaced by one of another name, keeps its owner for its own days.
{% set dimensions = ['team', 'app'] %}

with seen as (
    select distinct namespace, pod, cast(usage_hour as date) as usage_date
    from {{ ref('int_gpu__sample') }}
    where namespace is not null
    union
    select distinct namespace, case when object_kind = 'pod' then object_name end as pod, event_date as usage_date
    from {{ ref('stg_kubernetes__event') }}
    where namespace is not null
),

workloads as (
    select {{ stable_id(['namespace', 'pod', 'usage_date']) }} as workload_id, namespace, pod, usage_date from seen
),

rules as (
    select * from {{ source('config', 'tag_rule') }}
),

-- The set of labels that an object had on the day: the newest that was seen by then, else the oldest known.
dated as (
    select
        workloads.workload_id,
        workloads.usage_date,
        case when objects.kind = 'pod' then 0 else 1 end as distance,
        objects.object_id,
        row_number() over (
            partition by workloads.workload_id, objects.kind
            order by
                case when objects.first_seen_on <= workloads.usage_date then objects.first_seen_on end desc nulls last,
                objects.first_seen_on,
                objects.last_seen_at desc
        ) as preference
    from workloads
    inner join {{ ref('stg_kubernetes__object') }} as objects
        on
            workloads.namespace = objects.namespace
            and (objects.kind = 'namespace' or (objects.kind = 'pod' and workloads.pod = objects.name))
),

labels as (
    select dated.workload_id, dated.usage_date, dated.distance, labels.tag_key, labels.tag_value
    from dated
    inner join {{ ref('stg_kubernetes__label') }} as labels on dated.object_id = labels.object_id
    where dated.preference = 1
),

candidates as (
    select
        labels.workload_id,
        labels.usage_date,
        rules.dimension,
        labels.distance * 1000000 + rules.priority as preference,
        coalesce(rules.value, labels.tag_value) as value,
        rules.valid_from,
        rules.valid_to
    from labels
    inner join rules on rules.match = 'tag' and labels.tag_key = rules.tag_key
    where rules.pattern is null or {{ matches('labels.tag_value', 'rules.pattern') }}

    union all

    select
        workloads.workload_id,
        workloads.usage_date,
        rules.dimension,
        2000000 + rules.priority as preference,
        rules.value,
        rules.valid_from,
        rules.valid_to
    from workloads
    inner join rules on rules.match = 'namespace' and {{ matches('workloads.namespace', 'rules.pattern') }}

    {% for dimension, pattern in [('team', "'^(.+?)--.+$'"), ('app', "'^.+?--(.+)$'")] %}
    union all

    select
        workload_id,
        usage_date,
        '{{ dimension }}' as dimension,
        9000000 as preference,
        {{ extract_group('namespace', pattern) }} as value,
        null as valid_from,
        null as valid_to
    from workloads
    {% endfor %}
),

found as (
    select
        workload_id
        {%- for dimension in dimensions %},
        min_by(value, preference) filter (where dimension = '{{ dimension }}') as {{ dimension }}
        {%- endfor %}
    from candidates
    where
        value is not null
        and (valid_from is null or usage_date >= valid_from)
        and (valid_to is null or usage_date <= valid_to)
    group by 1
)

select
    workloads.workload_id,
    workloads.namespace,
    workloads.pod,
    workloads.usage_date,
    coalesce(teams.team, found.team, apps.team) as team,
    coalesce(apps.app, found.app) as app
from workloads
left join found on workloads.workload_id = found.workload_id
left join {{ source('config', 'team') }} as teams on lower(found.team) = lower(teams.team)
left join {{ source('config', 'app') }} as apps on lower(found.app) = lower(apps.app)
