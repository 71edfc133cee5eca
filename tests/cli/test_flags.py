import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import click
import pytest
from annotated_types import Ge, Gt, Interval
from click.testing import CliRunner, Result

from geoglot.aliases import BandLike, NoData
from geoglot.bounds import check_bounds
from geoglot.cli.flags import flags
from geoglot.errors import InputError


@dataclass(frozen=True)
class Wishes:
    bands: Annotated[tuple[BandLike, ...] | None, "Names or numbers."] = None
    resolution: Annotated[float | None, "Metres.", Gt(0)] = None
    side: Annotated[int, "Pixels.", Ge(1)] = 8
    share: Annotated[float, "A part.", Interval(ge=0, le=1)] = 0.5
    flips: Annotated[Literal["none", "all"], "Mirrored."] = "none"
    scales: Annotated[tuple[float, ...], "Sizes."] = (1.0,)
    templates: Annotated[tuple[str, ...], "Sentences."] = ("a {}",)
    background: Annotated[str | tuple[str, ...], "Words."] = ()
    folder: Annotated[str | Path | None, "A folder."] = None
    nodata: Annotated[NoData, "No data."] = None
    keep: Annotated[bool, "Keep it."] = False
    library_only: int = 3

    def __post_init__(self) -> None:
        check_bounds(self)


def run(*arguments: str) -> tuple[Result, list[Any]]:
    taken: list[Any] = []

    @click.command()
    @flags(Wishes, "wishes")
    def command(wishes: Wishes) -> None:
        taken.append(wishes)

    return CliRunner().invoke(command, list(arguments)), taken


def test_nothing_given_is_the_default_of_the_dataclass() -> None:
    result, taken = run()
    assert result.exit_code == 0 and taken == [Wishes()]


def test_every_kind_of_field_is_read() -> None:
    words = shlex.split(
        "--bands B4,3 --gsd 0.5 --side 9 --share 1 --flips all --scales 0.5,1 --template x{} --template y{}"
    )
    result, taken = run(*words, "--background", "road, roof", "--folder", "f", "--nodata", "none", "--keep")
    assert result.exit_code == 0, result.output
    wanted = Wishes(("B4", 3), 0.5, 9, 1.0, "all", (0.5, 1.0), ("x{}", "y{}"), "road, roof", Path("f"), "none", True)
    assert taken == [wanted]


def test_no_data_may_be_a_number() -> None:
    assert run("--nodata", "-9999")[1] == [Wishes(nodata=-9999.0)]


def test_help_shows_text_choices_and_defaults() -> None:
    text = run("--help")[0].output
    assert all(word in text for word in ("Metres.", "[none|all]", "[default: 8]", "[default: 1.0]", "--template"))
    assert "library" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--side 0", "'--side': it must be at least 1, got 0"),
        ("--gsd 0", "'--gsd': it must be above 0, got 0"),
        ("--gsd nan", "'--gsd': it must be above 0, got nan"),
        ("--share 1.5", "'--share': it must be at most 1, got 1.5"),
        ("--scales 1,x", "'--scales': it must be numbers with commas"),
        ("--scales ,", "'--scales': it must have at least one value, got ','"),
        ("--bands ''", "'--bands': it must have at least one value, got ''"),
        ("--nodata x", "'--nodata': it must be a number or none, got 'x'"),
        ("--flips some", "'--flips'"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_a_sentence(words: str, said: str) -> None:
    result, taken = run(*shlex.split(words))
    assert result.exit_code == 2 and said in result.output and not taken


def test_python_is_held_to_the_same_bounds() -> None:
    with pytest.raises(InputError, match="side must be at least 1, got 0"):
        Wishes(side=0)
    with pytest.raises(InputError, match="share must be at most 1, got 2"):
        Wishes(share=2)
    with pytest.raises(InputError, match="flips must be 'none' or 'all', got 'x'"):
        Wishes(flips="x")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="side must be a number, got '9'"):
        Wishes(side="9")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nodata must be a number or 'none', got 'x'"):
        Wishes(nodata="x")  # type: ignore[arg-type]
