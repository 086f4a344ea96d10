-- The distinct sets of properties that the rules of tags.yml look at: rules are tried once per set, not once per charge.
select distinct
    {{ owner_properties_id('charges') }} as owner_properties_id,
    {{ owner_properties() | join(', ') }}
from {{ ref('stg_focus__cost_and_usage') }} as charges
