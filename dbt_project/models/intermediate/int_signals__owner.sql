-- The person that the newest tagged charge of an app or a team names.
select 'app' as scope_type, app as scope_value, max_by(owner, usage_date) as owner
from {{ ref('int_cost__union') }}
where app is not null and owner is not null
group by app
union all
select 'team' as scope_type, team as scope_value, max_by(owner, usage_date) as owner
from {{ ref('int_cost__union') }}
where team is not null and owner is not null
group by team
