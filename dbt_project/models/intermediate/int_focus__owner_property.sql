-- The distinct sets of properties that the rules of tags.yml look at: rules are tried once per set, not once per charge.
select distinct
    {{ owner_properties_id('charges') }} as owner_properties_id,
    {{ owner_properties() | join(', ') }}
from {{ ref('int_focus__property_set') }} as charges
