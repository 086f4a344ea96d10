-- Step 1 of the allocation of shared cost.
{{ allocation_step(1) }}
