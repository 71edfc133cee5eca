"""How the commands take a refiner: options that find and segment share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--refine",
        type=click.Choice(["none", "edges", "sam"]),
        default="none",
        show_default=True,
        help="Outlines by the scores alone, along edges of the picture, or by SAM.",
    ),
    click.option("--sam", help="SAM's weights: a folder, or a model of the hub such as facebook/sam-vit-base."),
    click.option("--sam-points", type=click.IntRange(min=1), default=3, show_default=True, help="Points on a thing."),
    click.option(
        "--sam-negatives", type=click.IntRange(min=0), default=0, show_default=True, help="Points beside a thing."
    ),
    click.option("--sam-box", is_flag=True, help="Also tell SAM the box around a thing."),
)


def refining(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of refiners to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_refiner(given: dict[str, Any]) -> Any:
    """The refiner that these options ask for, None for none."""
    from geoglot.tasks.refine.load import choose_refiner
    from geoglot.tasks.refine.sam_prompts import Prompting

    prompting = Prompting(given["sam_points"], given["sam_negatives"], given["sam_box"])
    return choose_refiner(given["refine"], given["sam"], prompting=prompting, device=given["device"])
