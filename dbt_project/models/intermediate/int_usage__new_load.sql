-- Complete loads that no build of usage has taken in yet; all of them where the whole is built. A load is looked for a day
-- long after newer ones were built; one that took longer to complete waits for the whole.
{{ config(tags=['usage_slice']) }}
{% if is_usage_slice() %}
    {% set built = api.Relation.create(database=this.database, schema=this.schema, identifier='int_usage__built_load') %}
    {% if execute and keeps_staged_usage() %}
        {% set gone = run_query(
            'select count(*) from ' ~ built ~ ' as known where known.load_id not in ('
            ~ 'select loads.load_id from (' ~ complete_loads_since(none) ~ ') as loads)'
        )[0][0] %}
        {% if gone %}
            {{ exceptions.raise_compiler_error(
                gone ~ ' loads that the warehouse has are not in the lake any more. Run again: the next run builds the whole.'
            ) }}
        {% endif %}
    {% endif %}
    {% set newest = run_query('select max(load_id) from ' ~ built)[0][0] if execute else none %}
    {% set since = ((newest or '0').split('.')[0] | int - 86400) | string if newest and not keeps_staged_usage() else none %}
select loads.load_id
from ({{ complete_loads_since(since) }}) as loads
where loads.load_id not in (select known.load_id from {{ built }} as known)
{% else %}
select load_id from {{ ref('stg_lake__load') }}
{% endif %}
