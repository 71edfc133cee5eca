"""Evaluation on published data sets by published protocols."""
