{#
  Tables of which only the partitions are told again that may say something else than before: a load of the lake, or a month
  of usage. A table that is told whole each time takes as long for a day more as for all days.

  What a partition is made of is its basis: a text that changes whenever its rows could. It is made from everything that the
  model reads, so that nothing can be forgotten:
    rows of another table of partitions     that one's basis
    rows of any other table, or of a source  their number and the sum of their hashes; of one partition where the settings
                                            (`reads`) say which a row belongs to, else of all of them
    views                                   what they read, and their text
    the model                               its SQL as it was compiled, its columns, the version of the engine
  Bases are kept in the schema `partitions`, in a table of the model's name, which is written in the transaction that writes
  the rows: a run that was killed leaves both or neither. A partition that no basis names is told every time.

  macros/partitions.sql has the settings. Spark tells every table whole.
#}
{% materialization partitions, adapter="duckdb" %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set settings = model.config.meta.told_by -%}
    {%- set bases = partition_bases(this) -%}
    {%- set basis = basis_of_partitions(settings) -%}
    {%- set changes = none -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is not none and existing.is_table and not should_full_refresh() and run_query(
        "select 1 from duckdb_tables() where database_name = current_database() and schema_name = 'partitions' and table_name = '"
        ~ this.identifier ~ "'"
    ) -%}
        {%- do run_query('create or replace temp table new_basis as ' ~ basis) -%}
        {%- set changes = run_query(
            "select string_agg('|' || known.part, '' order by known.part) filter (where new.basis = known.basis) as kept, "
            ~ "string_agg('|' || coalesce(new.part, known.part), '') filter (where new.basis is distinct from known.basis) "
            ~ "from temp.new_basis as new full join " ~ bases ~ " as known on new.part = known.part"
        )[0] -%}
    {%- endif -%}
    {%- set kept = (changes[0] or '').split('|')[1:] if changes else [] -%}
    {%- set changed = (changes[1] or '').split('|')[1:] if changes else [] -%}

    {% call statement('main') -%}
        {%- if not kept %}
        {{ tell_all_partitions() }};
        {% if existing is not none %}
        drop {{ existing.type }} {{ existing }};
        {% endif %}
        {{ create_table_as(False, target, compiled_code) }};
        create or replace table {{ bases }} as {{ 'select * from temp.new_basis' if changes else basis }}
        {%- elif changed or settings.kind != 'month' %}
        {{ tell_partitions(settings.kind, kept, changed) }};
        delete from {{ target }}
        where not coalesce(list_contains(getvariable('kept_partitions'), cast({{ settings.column }} as varchar)), false);
        insert into {{ target }} by name (
            {{ compiled_code }}
        );
        create or replace table {{ bases }} as select * from temp.new_basis;
        {{ tell_all_partitions() }}
        {%- else %}
        select 1
        {%- endif %}
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Where bases are kept, made before the run: two models would be in each other's way. #}
{% macro make_room_for_bases() -%}
    {{ return(adapter.dispatch('make_room_for_bases')()) }}
{%- endmacro %}

{% macro duckdb__make_room_for_bases() -%}
    create schema if not exists partitions
{%- endmacro %}

{% macro spark__make_room_for_bases() -%}
{%- endmacro %}

{# The table with the bases of a table's partitions. #}
{% macro partition_bases(relation) -%}
    {{ return(api.Relation.create(database=relation.database, schema='partitions', identifier=relation.identifier)) }}
{%- endmacro %}

{# What is_told_month() and is_told_load() look at; no partition is kept where nothing is set. #}
{% macro tell_partitions(kind, kept, changed) -%}
    set variable kept_partitions = [{% for part in kept %}'{{ part }}'{{ ', ' if not loop.last }}{% endfor %}];
    {%- if kind == 'month' %}
    set variable told_since = cast('{{ changed | min }}' as date)
    {%- else %}
    set variable told_since = cast(null as date)
    {%- endif -%}
{%- endmacro %}

{% macro tell_all_partitions() -%}
    set variable kept_partitions = cast(null as varchar[]);
    set variable told_since = cast(null as date)
{%- endmacro %}

{# A query of `part` and its `basis`, for the model that is being built. #}
{% macro basis_of_partitions(settings) -%}
    {%- set found = namespace(nodes=[], views=[], next=[]) -%}
    {%- set found.next = model.depends_on.nodes -%}
    {# Views stand for what they read; they are nested less deep than this. #}
    {%- for depth in range(10) -%}
        {%- set now = found.next -%}
        {%- set found.next = [] -%}
        {%- for id in now if id not in found.nodes and id not in found.views -%}
            {%- set node = graph.sources[id] if id in graph.sources else graph.nodes[id] -%}
            {%- if node.config.materialized == 'view' -%}
                {%- do found.views.append(id) -%}
                {%- if settings.reads.get(node.name, '') is not none -%}
                    {%- set found.next = found.next + node.depends_on.nodes -%}
                {%- endif -%}
            {%- elif settings.reads.get(node.name, '') is not none -%}
                {%- do found.nodes.append(id) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set columns = [] -%}
    {%- for column in model.columns.values() -%}
        {%- do columns.append(column.name ~ ' ' ~ column.data_type) -%}
    {%- endfor %}
    with bases as (
        {%- for id in found.nodes | sort %}
        {%- set node = graph.sources[id] if id in graph.sources else graph.nodes[id] %}
        {%- set relation = source(node.source_name, node.name) if id in graph.sources
            else api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) %}
        {{ basis_in_table(node, relation, settings) }}
        union all
        {%- endfor %}
        select cast(null as varchar) as part, 'views' as what, coalesce(string_agg(sql, ' ' order by sql), '') as basis
        from duckdb_views()
        where database_name = current_database() and view_name in (
            {%- for id in found.views %}'{{ graph.nodes[id].alias }}', {% endfor %}'')
    ),
    of_all as (
        select string_agg(what || ' ' || basis, '; ' order by what, basis) as basis from bases where part is null
    )
    select
        bases.part,
        md5('{{ local_md5(compiled_code ~ columns | join(', ')) }} ' || version() || '; ' || any_value(of_all.basis) || '; '
            || string_agg(what || ' ' || bases.basis, '; ' order by what, bases.basis)) as basis
    from bases
    cross join of_all
    where bases.part is not null
    group by bases.part
{%- endmacro %}

{# What one table that the model reads adds to the bases of its partitions; `part` is null where it is of all of them. #}
{% macro basis_in_table(node, relation, settings) -%}
    {%- set part = settings.reads.get(node.name) -%}
    {%- set part = 'cast(' ~ (part or 'null') ~ ' as varchar)' -%}
    {%- set what = "'" ~ node.name ~ "'" -%}
    {%- set rows = "count(*) || ' ' || coalesce(sum(hash(told)), 0)" -%}
    {%- if node.config.materialized != 'partitions' %}
        select {{ part }} as part, {{ what }} as what, {{ rows }} as basis
        from {{ relation }} as told
        group by 1
    {%- elif node.config.meta.told_by.kind == settings.kind %}
        select part, {{ what }} as what, basis
        from {{ partition_bases(relation) }}
    {%- else %}
        {%- set own = 'cast(' ~ node.config.meta.told_by.column ~ ' as varchar)' %}
        select met.part, {{ what }} as what, met.own || ' ' || known.basis as basis
        from (select distinct {{ part }} as part, {{ own }} as own from {{ relation }}) as met
        inner join {{ partition_bases(relation) }} as known on met.own = known.part
        union all
        select {{ part }} as part, {{ what }} as what, {{ rows }} as basis
        from {{ relation }} as told
        where {{ own }} not in (select known.part from {{ partition_bases(relation) }} as known)
        group by 1
    {%- endif %}
{%- endmacro %}

{# The way in which this engine tells a model with such settings. #}
{% macro partitioned(settings) -%}
    {{ return(adapter.dispatch('partitioned')(settings)) }}
{%- endmacro %}

{% macro duckdb__partitioned(settings) -%}
    {{ return({'materialized': 'partitions', 'meta': {'told_by': settings}}) }}
{%- endmacro %}

{% macro spark__partitioned(settings) -%}
    {{ return({'materialized': 'table'}) }}
{%- endmacro %}

{# Whether a row of a day is told in this build; no day is null. In constants: row groups of kept months are not read. #}
{% macro is_told_month(day) -%}
    {{ return(adapter.dispatch('is_told_month')(day)) }}
{%- endmacro %}

{% macro duckdb__is_told_month(day) -%}
    {{ day }} >= coalesce(getvariable('told_since'), cast('-infinity' as date))
    and not coalesce(list_contains(cast(getvariable('kept_partitions') as date[]), {{ month_of(day) }}), false)
{%- endmacro %}

{% macro spark__is_told_month(day) -%}
    true
{%- endmacro %}

{# Whether a row of a load is told in this build; files of other loads are not read. #}
{% macro is_told_load(load_id) -%}
    {{ return(adapter.dispatch('is_told_load')(load_id)) }}
{%- endmacro %}

{% macro duckdb__is_told_load(load_id) -%}
    not coalesce(list_contains(getvariable('kept_partitions'), {{ load_id }}), false)
{%- endmacro %}

{% macro spark__is_told_load(load_id) -%}
    true
{%- endmacro %}
