import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from geoglot.cli import main, shared
from geoglot.errors import ClassesError, SourceError
from geoglot.installation import install_command
from geoglot.version import __version__

HEAVY = ("torch", "numpy", "rasterio", "transformers", "geopandas", "pandas", "pyproj", "rich", "tokenizers")


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """A command `raise` that raises what the test puts into the list."""
    errors: list[BaseException] = []

    @click.command()
    @shared.verbose
    def command() -> None:
        raise errors[0]

    monkeypatch.setattr(sys.modules[__name__], "command", command, raising=False)
    monkeypatch.setitem(main.COMMANDS, "raise", f"{__name__}:command")
    yield errors


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, arguments)


def test_help_lists_the_commands_in_order() -> None:
    result = run("--help")
    assert result.exit_code == 0
    places = [result.output.index(f"\n  {name} ") for name in main.COMMANDS]
    assert places == sorted(places)


def test_version() -> None:
    assert run("--version").output == f"geoglot, version {__version__}\n"


@pytest.mark.parametrize("name", main.COMMANDS)
def test_a_misspelt_command_names_the_nearest(name: str) -> None:
    result = run(name[:-1] + "q")
    assert result.exit_code == 2 and f"Did you mean '{name}'?" in result.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from geoglot.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (SourceError("scene.tif is not a raster"), 1, "geoglot: scene.tif is not a raster\n"),
        (ClassesError("give at least one class"), 2, "geoglot: give at least one class\n"),
        (
            ModuleNotFoundError("No module named 'transformers'", name="transformers"),
            1,
            "geoglot: transformers is not installed, and this needs it; get it with: "
            f"{install_command('transformers')}\n",
        ),
        (KeyboardInterrupt(), 130, "geoglot: interrupted\n"),
        (
            ZeroDivisionError("by zero"),
            1,
            "geoglot: unexpected ZeroDivisionError: by zero; this is a fault of geoglot and not yours; "
            "run again with -v, and report what it prints as SECURITY.md says\n",
        ),
    ],
)
def test_errors_are_one_sentence(
    raising: list[BaseException], error: BaseException, exit_code: int, message: str
) -> None:
    raising.append(error)
    result = run("raise")
    assert (result.exit_code, result.stderr, result.stdout) == (exit_code, message, "")


def test_verbose_shows_where_it_happened(raising: list[BaseException]) -> None:
    raising.append(ZeroDivisionError("by zero"))
    result = run("raise", "-v")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "\ngeoglot: unexpected ZeroDivisionError: by zero; this is a fault of geoglot" in result.stderr
    assert result.stderr.endswith("please report it with the lines above, as SECURITY.md says\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["doctor", "--nonsense"], ["models", "show"]])
def test_wrong_usage_is_two(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: cli {name}" in result.output


def test_a_recipe_is_judged_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    """A wrong key costs what PyTorch costs, not the models' and the maps' libraries too."""
    (tmp_path / "bad.toml").write_text('name = "x"\nfoo = 1\n')
    code = (
        "import sys\nfrom geoglot.cli.main import cli\n"
        "try:\n    cli(['train', 'segment', sys.argv[1]])\n"
        "except SystemExit as end:\n"
        "    heavy = {'transformers', 'geopandas', 'scipy.optimize'} & set(sys.modules)\n"
        "    sys.exit(f'{end.code} {sorted(heavy)}')\n"
    )
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path / "bad.toml")], capture_output=True, text=True)
    assert "there is no key 'foo'" in told.stderr and told.stderr.endswith("2 []\n"), told.stderr


def test_threads_are_set_by_the_program_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(main, "cli", lambda **_: None)
    for text, expected in (("two", "1"), ("3", "3")):
        monkeypatch.setenv("GEOGLOT_THREADS", text)
        main.main()
        assert os.environ["OMP_NUM_THREADS"] == expected


@pytest.mark.parametrize("arguments", [["--LONG"], ["--LONG=3"], ["info", "--LONG"], ["LONG"], ["models", "LONG"]])
def test_a_long_argument_is_not_repeated_in_full(arguments: list[str]) -> None:
    result = run(*(text.replace("LONG", "x" * 10_000) for text in arguments))
    assert result.exit_code == 2 and len(result.output) < 600 and "No such" in result.output
