"""Areas that carry their error: a random sample of a map, decided by a person, and what follows for every class."""
