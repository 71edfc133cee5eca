"""Where pixels come from: rasters and image folders, as Tiles that keep their place on Earth."""
