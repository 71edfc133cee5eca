"""The order in which the forms of questions are tried: the first that reads a question has it.

Some questions are of several forms: "Is there more water than forest?" compares areas, or counts. What says more
comes before what says less; within a group the order of the names decides.
"""

from __future__ import annotations

#: Names of the functions that build programs
ORDER = (
    # Words about time change what every other form would make of a question.
    "how_many_changed", "where_changed", "did_change", "area_of_new", "has_grown", "how_much_changed",
    # Words about all, most or none, bounds, and places beside each other: without them presence or a count is left.
    "all_of", "most_of", "within_bounds", "more_where", "more_here", "most_where", "holds", "how_many_held", "neither",
    "but_no", "free_of", "each_other", "in_a_state", "is_in_a_state", "difference",
    # Measures beside a number, before measures alone; shares before areas; what a name has, before the scene's own.
    "area_beside_number", "share_beside_number", "share", "share_of_things", "average", "larger_of_which",
    "compare_areas", "dominant", "length", "length_beside_number", "area_of_part", "how_much_larger", "perimeter",
    "area",
    # The scene as a whole, from the closed choice of two to any theme; then where things are, and their colours.
    "rural_or_urban", "is_urban", "choice", "choice_of_part", "nearer", "theme", "distance", "nearest", "location",
    "colour", "is_colour", "is_a",
    # Numbers of things, from comparisons to a plain count; presence and relations read nearly everything, so are last.
    "how_many_at_least", "compare_counts", "compare_places", "more_of_which", "how_many_more", "density", "count",
    "presence", "relation",
)  # fmt: skip
