"""What the stored numbers of a raster mean, and which pixels are valid."""
