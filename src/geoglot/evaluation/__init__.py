"""The scorecard: published data sets and protocols, so that every model is measured in the same way."""
