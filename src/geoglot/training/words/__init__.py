"""Words to a segmenter: a model that reads words teaches a small one, without annotation."""
