-- The newest state of every scope and period. A plain file has no period: its scope is its path, and the same content
-- under two paths counts once.
{{ current_snapshots(ref('stg_lake__snapshot_version')) }}
