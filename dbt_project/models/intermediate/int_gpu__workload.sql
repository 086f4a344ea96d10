-- Who runs in a namespace and pod: labels read as tags by the rules of tags.yml (the pod's own before its namespace's),
-- then rules on the namespace's name, then the form team--app.
{% set dimensions = ['team', 'app'] %}

with workloads as (
    select distinct
        {{ stable_id(['namespace', 'pod']) }} as workload_id,
        namespace,
        pod
    from {{ ref('stg_prometheus__gpu_sample') }}
    where namespace is not null
),

rules as (
    select *
    from {{ source('config', 'tag_rule') }}
    where
        (valid_from is null or valid_from <= (select as_of_date from {{ ref('stg_config__setting') }}))
        and (valid_to is null or valid_to >= (select as_of_date from {{ ref('stg_config__setting') }}))
),

labels as (
    select workloads.workload_id, 0 as distance, labels.tag_key, labels.tag_value
    from workloads
    inner join {{ ref('stg_kubernetes__object') }} as objects
        on objects.kind = 'pod' and workloads.namespace = objects.namespace and workloads.pod = objects.name
    inner join {{ ref('stg_kubernetes__label') }} as labels on objects.object_id = labels.object_id
    union all
    select workloads.workload_id, 1 as distance, labels.tag_key, labels.tag_value
    from workloads
    inner join {{ ref('stg_kubernetes__object') }} as objects
        on objects.kind = 'namespace' and workloads.namespace = objects.name
    inner join {{ ref('stg_kubernetes__label') }} as labels on objects.object_id = labels.object_id
),

candidates as (
    select
        labels.workload_id,
        rules.dimension,
        labels.distance * 1000000 + rules.priority as preference,
        coalesce(rules.value, labels.tag_value) as value
    from labels
    inner join rules on rules.match = 'tag' and labels.tag_key = rules.tag_key
    where rules.pattern is null or {{ matches('labels.tag_value', 'rules.pattern') }}

    union all

    select
        workloads.workload_id,
        rules.dimension,
        2000000 + rules.priority as preference,
        rules.value
    from workloads
    inner join rules on rules.match = 'namespace' and {{ matches('workloads.namespace', 'rules.pattern') }}

    union all

    select
        workload_id,
        'team' as dimension,
        9000000 as preference,
        {{ extract_group('namespace', "'^(.+?)--.+$'") }} as value
    from workloads

    union all

    select
        workload_id,
        'app' as dimension,
        9000000 as preference,
        {{ extract_group('namespace', "'^.+?--(.+)$'") }} as value
    from workloads
),

found as (
    select
        workloads.workload_id,
        workloads.namespace,
        workloads.pod
        {%- for dimension in dimensions %},
        min_by(candidates.value, candidates.preference)
            filter (where candidates.dimension = '{{ dimension }}') as {{ dimension }}
        {%- endfor %}
    from workloads
    left join candidates on workloads.workload_id = candidates.workload_id and candidates.value is not null
    group by 1, 2, 3
)

select
    found.workload_id,
    found.namespace,
    found.pod,
    coalesce(teams.team, found.team, apps.team) as team,
    coalesce(apps.app, found.app) as app
from found
left join {{ source('config', 'team') }} as teams on lower(found.team) = lower(teams.team)
left join {{ source('config', 'app') }} as apps on lower(found.app) = lower(apps.app)
