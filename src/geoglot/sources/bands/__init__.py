"""Which bands of a raster are red, green and blue."""
