"""geoglot help: the pages of the docs in the terminal, and the help of a command."""

import re
import sys
from difflib import get_close_matches
from io import StringIO
from shutil import get_terminal_size

import click

from geoglot.errors import InputError
from geoglot.shipped import pages

_WIDEST = 100  # columns
_BOOK = "geoglot manual"
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)\n*")
_PAGE = re.compile(r"\[([^\]]+)\]\((?:[\w./-]*/)?([\w-]+)\.md(?:#[\w-]*)?\)")
_CODE = re.compile(r"^```[^\n]*\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")


@click.command()
@click.argument("topic", required=False)
@click.pass_context
def command(ctx: click.Context, topic: str | None) -> None:
    """Show the page TOPIC of the docs, or the help of a command; without TOPIC, list all.

    Example: geoglot help search
    """
    if not topic:
        click.echo(_list())
        return
    text = _page(topic) if topic in pages() else _command(ctx, topic)
    if sys.stdout.isatty():
        click.echo_via_pager(text)
    else:
        click.echo(text, nl=False)


def _list() -> str:
    """A line for each page."""
    titles = {name: _title(path.read_text(encoding="utf-8")) for name, path in pages().items()}
    width = max(map(len, titles))
    lines = [f"  {name:<{width}}  {title}" for name, title in titles.items()]
    return "\n".join(["Pages, each shown by `geoglot help TOPIC`:", "", *lines, "", "Commands: geoglot --help"])


def _title(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ")


def _page(topic: str) -> str:
    """A page as text of a terminal's width, with links as the words that show the linked page."""
    from rich.console import Console
    from rich.markdown import Markdown

    known = pages()

    def link(found: re.Match[str]) -> str:
        words, page = found.groups()
        return f"{words} (`geoglot help {page}`)" if page in known else words

    out, width = StringIO(), min(get_terminal_size().columns, _WIDEST)
    console = Console(file=out, width=width, force_terminal=False)
    for number, part in enumerate(_CODE.split(known[topic].read_text(encoding="utf-8"))):
        if number % 2:  # lines that somebody copies: never broken
            out.write("".join(f"    {line}\n" for line in ["", *part.splitlines(), ""]))
        else:
            prose = _FILE.sub(r"\1", _PAGE.sub(link, _PICTURE.sub("", part)))
            console.print(Markdown(prose, hyperlinks=False))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([f"geoglot help {topic}".ljust(width - len(_BOOK)) + _BOOK, "", *lines, ""])


def _command(ctx: click.Context, topic: str) -> str:
    """The help of a command. InputError for a topic that is neither page nor command."""
    from geoglot.cli.main import cli

    root = ctx.find_root()
    found = cli.get_command(root, topic)
    if found is None:
        raise InputError(_unknown(topic, cli.list_commands(root)))
    return found.get_help(click.Context(found, info_name=topic, parent=root)) + "\n"


def _unknown(topic: str, commands: list[str]) -> str:
    known = [*pages(), *commands]
    if near := get_close_matches(topic, known, n=1):
        return f"no page or command is called {topic!r}; did you mean {near[0]}?"
    speak = [name for name, path in pages().items() if topic.lower() in path.read_text(encoding="utf-8").lower()]
    where = f"these pages speak of it: {', '.join(speak)}" if speak else "see: geoglot help"
    return f"no page or command is called {topic!r}; {where}"
