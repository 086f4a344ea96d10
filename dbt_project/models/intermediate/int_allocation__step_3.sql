-- Step 3 of the allocation of shared cost.
{{ config(**told_by_month_of_step()) }}

{{ allocation_step(3) }}
