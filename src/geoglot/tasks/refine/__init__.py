"""Refine coarse masks, by the edges of the picture or by SAM."""
