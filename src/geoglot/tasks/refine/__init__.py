"""Coarse masks to outlines: one protocol, by nothing, by edges of the picture, or by SAM."""
