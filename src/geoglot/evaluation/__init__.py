"""Evaluation on published data sets by published protocols, so that every model is measured in the same way."""
