"""From words to a map of classes."""
