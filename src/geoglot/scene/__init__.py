"""How a model sees a raster of any size."""
