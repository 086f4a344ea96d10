{#
  The seam where usage comes together. Whatever tells of model usage has one model `int_usage__<source>` that divides its
  tokens into disjoint classes (finops.tokens says how each provider counts), one row per request or per counted bucket.
  They are listed in usage_models(); int_usage__token_classes is all of them.
#}

{# The models that tell of usage. A new source adds its line here, and nothing else changes. #}
{% macro usage_models() -%}
    {{ return([
        'int_usage__spans', 'int_usage__litellm', 'int_usage__records', 'int_usage__azure_monitor', 'int_usage__openai',
        'int_usage__anthropic'
    ]) }}
{%- endmacro %}

{# finops.tokens.TokenClass. #}
{% macro token_classes() -%}
    {{ return([
        'input_uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output', 'reasoning',
        'input_audio', 'cache_read_audio', 'output_audio', 'input_image', 'output_image'
    ]) }}
{%- endmacro %}

{# Those of what a model was given. #}
{% macro input_classes() -%}
    {% set classes = [] %}
    {% for class in token_classes() if class not in output_classes() %}
        {% do classes.append(class) %}
    {% endfor %}
    {{ return(classes) }}
{%- endmacro %}

{# Those of what a model wrote. #}
{% macro output_classes() -%}
    {{ return(['output', 'reasoning', 'output_audio', 'output_image']) }}
{%- endmacro %}

{# Whether a class is of what a model wrote. #}
{% macro is_output_class(name) -%}
    {{ name }} in ('{{ output_classes() | join("', '") }}')
{%- endmacro %}

{#
  Columns besides the token classes; all text, except used_at.
    source             what told it: spans, litellm, usage_file, azure_monitor, openai, …
    reported_provider  as the source names it; price_book_provider() says whose prices
    used_at            when, UTC: the call, or the start of the counted bucket. The column as it is, so that reading some
                       days reads no others
    resource_id        the account that was used, lower case; usage of one account and day that calls tell one by one
                       (is_call_level) is not counted again from what a provider counts
    region_id, deployment_type (global, data_zone, regional), service_tier (standard, batch, flex, priority, provisioned):
                       what prices depend on; null where it is not said
#}
{% macro usage_text_columns() -%}
    {{ return([
        'reported_provider', 'response_model', 'request_model', 'resource_id', 'deployment_name', 'region_id',
        'deployment_type', 'service_tier', 'team', 'app', 'project', 'feature', 'customer_hash', 'environment',
        'api_key_name'
    ]) }}
{%- endmacro %}

{#
  The select list of such a model: column → expression. Text that is not given is null, counts that are not given are 0.
  `source`, `used_at` and `is_call_level` must be given. `input_tokens_in_request` is what tiered prices look at: null
  where rows are sums of several requests. `usage_key` is the row_hash() of all that the row says, computed here where it
  is not given. `repeat_count`: requests that repeat an earlier one, as far as the source tells.
  `repeated_prefix_tokens`: of the start of prompts that an earlier call had too, cached or not; null where nobody says.
  `duration_milliseconds`, `first_token_milliseconds`: how long a call and its first token took; null where rows are no calls
  or do not say it.
#}
{% macro usage_row(expressions) -%}
    {% set said = [] %}
    {% for column in usage_said_columns() %}
        {% do said.append(expressions.get(column, 'null')) %}
    {% endfor %}
    {{ expressions.get('usage_key', row_hash(said)) }} as usage_key,
    {{ expressions['source'] }} as source,
    {{ expressions['is_call_level'] }} as is_call_level,
    {{ expressions['used_at'] }} as used_at,
    {%- for column in usage_text_columns() %}
    cast({{ expressions.get(column, 'null') }} as string) as {{ column }},
    {%- endfor %}
    cast({{ expressions.get('input_tokens_in_request', 'null') }} as bigint) as input_tokens_in_request,
    {%- for class in token_classes() %}
    cast({{ expressions.get(class, '0') }} as bigint) as {{ class }},
    {%- endfor %}
    cast({{ expressions.get('request_count', '0') }} as bigint) as request_count,
    cast({{ expressions.get('error_count', '0') }} as bigint) as error_count,
    cast({{ expressions.get('repeat_count', '0') }} as bigint) as repeat_count,
    cast({{ expressions.get('repeated_prefix_tokens', 'null') }} as bigint) as repeated_prefix_tokens,
    cast({{ expressions.get('duration_milliseconds', 'null') }} as double) as duration_milliseconds,
    cast({{ expressions.get('first_token_milliseconds', 'null') }} as double) as first_token_milliseconds
{%- endmacro %}

{# Milliseconds from one timestamp to a later one; null where the later one is earlier, as two clocks may have it. #}
{% macro call_milliseconds(earlier, later) -%}
    case when {{ later }} >= {{ earlier }} then round({{ seconds_between(earlier, later) }} * 1000, 3) end
{%- endmacro %}

{# The columns by which usage is summed, besides its hour and the size of its requests. #}
{% macro usage_said_columns() -%}
    {{ return(['source', 'is_call_level'] + usage_text_columns()) }}
{%- endmacro %}

{# What a row of usage means, and what of it its price depends on besides the day, the class and the request's size. #}
{% macro usage_meaning_columns() -%}
    {{ return([
        'source', 'is_call_level', 'resource_id', 'deployment_name', 'reported_model', 'is_in_price_book', 'team', 'app',
        'project', 'feature', 'customer_hash', 'environment'
    ] + usage_price_columns()) }}
{%- endmacro %}

{% macro usage_price_columns() -%}
    {{ return(['provider_name', 'model', 'model_release', 'region_id', 'deployment_type', 'service_tier']) }}
{%- endmacro %}

{# The columns of usage that its owner depends on, of a relation where one is named. #}
{% macro usage_owner_columns(relation=none) -%}
    {% set columns = [] %}
    {% for column in [
        'team', 'app', 'project', 'environment', 'feature', 'deployment_name', 'resource_id', 'api_key_name'
    ] %}
        {% do columns.append(relation ~ '.' ~ column if relation else column) %}
    {% endfor %}
    {{ return(columns) }}
{%- endmacro %}

{#
  Unpivots token classes: one row per class that has tokens. `columns` go on as they are; requests are counted on the row
  of uncached input, so that row is there even without tokens.
#}
{% macro usage_by_class(relation, columns) -%}
    (
        select *
        from (
            select
                {%- for column in columns %}
                {{ column }},
                {%- endfor %}
                token_class,
                case token_class
                    {%- for class in token_classes() %}
                    when '{{ class }}' then {{ class }}
                    {%- endfor %}
                end as tokens,
                case when token_class = 'input_uncached' then request_count else 0 end as request_count,
                case when token_class = 'input_uncached' then error_count else 0 end as error_count
            from {{ relation }}
            -- A join with a short list: a `union all` of a query per class takes twice as long.
            cross join (values ('{{ token_classes() | join("'), ('") }}')) as classes (token_class)
        ) as by_class
        where tokens > 0 or request_count > 0
    )
{%- endmacro %}

{# Whole tokens that a share of tokens is, cut; the share has six digits. #}
{% macro share_of_tokens(tokens, share) -%}
    cast(floor(cast({{ tokens }} as decimal(18, 0)) * cast({{ share }} as decimal(9, 6))) as bigint)
{%- endmacro %}

{# The context step of a request, the classes' tokens and the counts: columns of usage (as `usage`) that is summed up by key
   and time beside the steps of a price book (as `book`). #}
{% macro summed_usage_columns() -%}
    {#- The first step is asked first, because most requests are below it. -#}
    case
        when usage.input_tokens_in_request >= book.first_step
            then {{ largest_not_above('book.steps', 'usage.input_tokens_in_request') }}
        else 0
    end as context_step,
    {%- for class in token_classes() %}
    cast(sum(usage.{{ class }}) as bigint) as {{ class }},
    {%- endfor %}
    cast(sum(usage.request_count) as bigint) as request_count,
    cast(sum(usage.error_count) as bigint) as error_count
{%- endmacro %}
