"""Published data sets: what each is called, where it is had, how its files lie, and what its samples are."""
