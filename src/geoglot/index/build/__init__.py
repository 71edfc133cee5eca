"""From imagery to an archive: what to read, in units of work, by one machine or many."""
