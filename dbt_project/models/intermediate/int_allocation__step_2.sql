-- Step 2 of the allocation of shared cost.
{{ allocation_step(2) }}
