{#
  Generic tests that ask several things at once: each test is a query and a step of the run, and there are many models.
#}

{# No two rows agree in all of the columns; nulls agree with nulls. #}
{% test unique_rows(model, columns) %}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{# The column identifies a row: never null, never twice. #}
{% test row_key(model, column_name) %}
select {{ column_name }}, count(*) as row_count
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null
{% endtest %}

{# None of the columns is null. #}
{% test never_null(model, columns) %}
select *
from {{ model }}
where {{ columns | join(' is null or ') }} is null
{% endtest %}
