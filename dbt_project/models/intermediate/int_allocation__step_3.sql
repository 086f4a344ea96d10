-- Step 3 of the allocation of shared cost.
{{ allocation_step(3) }}
