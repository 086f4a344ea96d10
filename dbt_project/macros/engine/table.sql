{# A table of DuckDB, made again under its own name in one transaction: others see the old or the new one, whole.

   dbt-duckdb's own way makes it under another name, renames both and drops the old one. Each of those steps makes dbt
   set up all macros anew, which took 40% of the processor time of a build of small tables. A model must not read itself. #}
{% materialization table, adapter="duckdb" %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {%- if existing is not none %}
        drop {{ existing.type }} {{ existing }};
        {% endif %}
        {{ create_table_as(False, target, compiled_code) }}
    {%- endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{% endmaterialization %}
