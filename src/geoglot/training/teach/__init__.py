"""Teach a model classes of one's own by points, boxes and polygons: a head over the patch vectors of another model."""
