"""The map: a server on this machine over the public functions, for a page in a browser and for other programs."""
