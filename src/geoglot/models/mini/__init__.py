"""mini: the model that ships inside, so that everything works with no network and no account."""
