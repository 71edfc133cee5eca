"""The flag --evidence of `geoglot ask`: a file for the evidence of an answer, or what decides words."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from geoglot.cli import shared
from geoglot.errors import InputError
from geoglot.options import FindOptions
from geoglot.tasks.ask.ask_options import AskOptions


def evidence_flag(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --evidence, which may be repeated."""
    return click.option(
        "--evidence",
        multiple=True,
        metavar="FILE|words|words+bands",
        help=f"Write the evidence to this file, {shared.VECTORS}, and a picture of it beside it. words or words+bands "
        "(default) says what decides words such as water: words alone, or together with near infrared and beyond. May "
        "be repeated.",
    )(command)


def sort_evidence(given: Sequence[str], options: AskOptions, find: FindOptions) -> tuple[AskOptions, FindOptions]:
    """Options with the file and the kind that --evidence gave; InputError for two of a kind."""
    files = [Path(text) for text in given if text not in ("words", "words+bands")]
    if len(files) > 1 or len(given) - len(files) > 1:
        raise InputError(f"--evidence takes one file, and one of words and words+bands, got {', '.join(given)}")
    options = replace(options, evidence=files[0]) if files else options
    if "words" in given:
        find = replace(find, evidence="words")
    return options, find
