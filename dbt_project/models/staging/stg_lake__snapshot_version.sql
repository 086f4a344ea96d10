-- Every delivered state of every scope and period that may be known, and how long it was the newest: from when the
-- producer made it until a newer one of its scope and period took its place.
{{ snapshot_versions(lake('landing__snapshot')) }}
