"""Modules that turn tiles and words into vectors of one space: tensors in, tensors out."""
