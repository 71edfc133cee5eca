"""Find, count and outline things: a scene encoded once, then asked by words, any number of times."""
