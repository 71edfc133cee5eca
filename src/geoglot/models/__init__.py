"""Models: they embed tiles and words in one space, or label pixels. Tensors in, tensors out."""
