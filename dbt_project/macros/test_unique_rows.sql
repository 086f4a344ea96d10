{# No two rows agree in all of the columns; nulls agree with nulls. #}
{% test unique_rows(model, columns) %}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
