"""One door over many scenes: a result for each, a table of all, and no scene that stops the others."""
