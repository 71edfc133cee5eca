"""Tiles and the ground photos taken inside them: the stored pairs that GRAFT learns from."""
