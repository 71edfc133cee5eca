"""A light segmenter for laptops and small devices."""
