"""An archive of imagery: chips of any number of scenes as vectors, on disk, to be searched by words."""
