import pytest
from click.testing import CliRunner, Result

from geoglot.cli import main
from geoglot.cli.commands import SECTIONS
from geoglot.shipped import pages


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, arguments, prog_name="geoglot", env={"COLUMNS": "80"})


def test_help_lists_every_page_with_its_title() -> None:
    said = run("help")
    assert said.exit_code == 0 and "search " in said.stdout and run("help", "").stdout == said.stdout
    assert all(f"\n  {name} " in said.stdout for name in pages())


@pytest.mark.parametrize("topic", sorted(pages()))
def test_every_page_can_be_read_in_a_terminal(topic: str) -> None:
    said = run("help", topic)
    assert said.exit_code == 0 and said.stdout.startswith(f"geoglot help {topic} ")
    assert "```" not in said.stdout and "](" not in said.stdout


def test_lines_of_code_are_never_broken() -> None:
    code = 'geoglot search archive/ "solar farm" --like yes.gpkg --unlike greenhouses.gpkg --bbox 3,50,7,54'
    assert f"\n    {code}" in run("help", "search").stdout


def test_help_of_a_command_is_its_own() -> None:
    assert run("help", "segment").stdout.startswith("Usage: geoglot segment [OPTIONS] SOURCE")


@pytest.mark.parametrize(
    ("topic", "said"),
    [("serch", "did you mean search?"), ("antimeridian", "these pages speak of it: "), ("qqqq", "see: geoglot help")],
)
def test_an_unknown_topic_says_where_to_look(topic: str, said: str) -> None:
    result = run("help", topic)
    assert result.exit_code == 2 and said in result.stderr


def test_the_help_of_the_program_has_an_example_for_every_command() -> None:
    said = run("--help").stdout
    for section in SECTIONS.values():
        for command in section:
            assert f"\n  {command.name} " in said and f" {command.example}\n" in said and len(command.does) <= 60


def commands() -> list[str]:
    """Every command and command of a group, as "models list"."""
    context = main.cli.make_context("geoglot", ["doctor"])
    found = {name: main.cli.get_command(context, name) for name in main.COMMANDS}
    groups = {name: each.commands for name, each in found.items() if each and hasattr(each, "commands")}
    return [*found, *(f"{name} {each}" for name, those in groups.items() for each in those)]


@pytest.mark.parametrize("words", commands())
def test_every_command_has_an_example(words: str) -> None:
    assert "Example" in run(*words.split(), "--help").stdout or words in (
        "models",
        "datasets",
        "index",
        "pairs",
        "train",
    )
