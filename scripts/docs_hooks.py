"""Hooks of mkdocs: the reference from docstrings and --help, and links from the docs to other files here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
STUB = ROOT / "src/geoglot/__init__.pyi"
#: Headings of the reference, each with the rooms whose public names stand below it
SECTIONS = {
    "Read and encode": ("models", "sources", "scene", "geo"),
    "Ask of scenes": ("tasks",),
    "Archives": ("index",),
    "Teach and train": ("training",),
    "Measure and collect": ("evaluation", "pairs"),
    "Options": ("options",),
    "Errors and version": ("errors", "version"),
}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")
_log = get_plugin_logger("docs_hooks")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code."""
    files.append(File.generated(config, "reference.md", content=reference()))
    files.append(File.generated(config, "commands.md", content=commands()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Show links to files outside docs/ as paths, since the site does not have them; a missing file is a warning."""
    folder = (Path(config.docs_dir) / page.file.src_uri).parent

    def path_of(found: re.Match[str]) -> str:
        words, target = found.groups()
        path = (folder / target).resolve()
        if path.is_relative_to(config.docs_dir) or not path.is_relative_to(ROOT):
            return found[0]  # mkdocs checks these
        name = path.relative_to(ROOT).as_posix()
        if not path.exists():
            _log.warning("%s links to %s, which does not exist", page.file.src_uri, name)
        return words if name in words else f"{words} (`{name}`)"

    return _LINK.sub(path_of, markdown)


def reference() -> str:
    """A page of all public names in Python, as directives for mkdocstrings."""
    named = list(public_names())
    parts = [
        "# Python\n\nEvery name below is an attribute of `geoglot`. Types named `...Like` are in `geoglot.aliases`.\n"
    ]
    for heading, rooms in SECTIONS.items():
        parts.append(f"## {heading}\n")
        parts += [f"::: geoglot.{module}.{name}\n" for module, name in named if module.partition(".")[0] in rooms]
    return "\n".join(parts)


def public_names() -> Iterator[tuple[str, str]]:
    """(module below geoglot, name) of all that the stub of the package exports."""
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def commands() -> str:
    """A page of all commands, each with its --help."""
    from geoglot.cli.main import cli

    context = click.Context(cli, info_name="geoglot", terminal_width=80)
    parts = [
        "# Command line\n\n`geoglot COMMAND --help` prints the same.\n",
        f"```text\n{cli.get_help(context)}\n```\n",
    ]
    for name in cli.list_commands(context):
        parts += _help(cli.get_command(context, name), name, context, 2)
    return "\n".join(parts)


def _help(command: click.Command | None, name: str, parent: click.Context, level: int) -> Iterator[str]:
    """The help of a command, and of the commands below it."""
    assert command is not None
    context = click.Context(command, info_name=name, parent=parent, terminal_width=80)
    yield f"{'#' * level} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _help(command.get_command(context, below), below, context, level + 1)
