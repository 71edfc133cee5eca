"""Questions asked of encoded tiles: one file, one verb."""
