"""Where results go: rasters, polygons, pictures, records; every file appears whole or not at all."""
