"""The command line: `geoglot COMMAND`. Commands are imported when they are run, so that --help answers at once."""

import importlib
import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from difflib import get_close_matches
from signal import Signals
from typing import Any, NoReturn

import click

from geoglot.aliases import not_utf8
from geoglot.cli.commands import COMPLETION, DOES, SECTIONS
from geoglot.cli.console import plain_streams
from geoglot.cli.log_file import ARGUMENTS, write_log
from geoglot.cli.shared import is_verbose
from geoglot.cli.stop import Stopped, stop_on_signals
from geoglot.errors import GeoglotError, InputError
from geoglot.installation import install_command, missing_package
from geoglot.legible import message_of, one_line
from geoglot.settings import load_settings
from geoglot.version import __version__

#: Name to "module:attribute" of its click command
COMMANDS = {name: f"geoglot.cli.{name}:command" for name in DOES}
_RESUMED = ("segment", "find", "change", "index", "pairs", "train")
_OURS = {
    True: "this is a fault of geoglot and not yours; please report it with the lines above, as SECURITY.md says",
    False: "this is a fault of geoglot and not yours; run again with -v, and report what it prints as SECURITY.md says",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is run, and turns every error into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        command.short_help = DOES.get(cmd_name)  # what a shell shows beside a completion
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed. Of one that there is not, click sees no neighbours, as all are lazy."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if near := get_close_matches(args[0], COMMANDS, 1):
                error.message += f" Did you mean '{near[0]}'?"  # type: ignore[misc]  # final in click's types alone
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what a person wants to do, each with an example."""
        width = max(map(len, COMMANDS))
        for heading, section in SECTIONS.items():
            with formatter.section(heading):
                for name, does, example in section:
                    formatter.write(f"  {name:<{width}}  {does}\n  {'':<{width}}    {example}\n")

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program with streams that can write every text; see `console`.

        Completions are bytes, which click writes to the stream itself.
        """
        with nullcontext() if COMPLETION in os.environ else plain_streams():
            return super().main(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse file names that are not UTF-8, for every command: the libraries that read files refuse them too."""
        ctx.meta[ARGUMENTS] = tuple(args)
        for text in args:
            if shown := not_utf8(text):
                fail(ctx, f"{shown!r} is not UTF-8; rename the file, and run the same command again", 2)
        with short_usage_errors():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command. Every failure ends in one sentence on stderr and an exit code."""
        try:
            with short_usage_errors():
                return super().invoke(ctx)
        except GeoglotError as error:
            fail(ctx, message_of(error), error.exit_code)
        except (KeyboardInterrupt, Stopped) as stop:
            number = stop.signal if isinstance(stop, Stopped) else Signals.SIGINT
            how = "interrupted" if number is Signals.SIGINT else f"ended by {number.name}"
            again = "; the same command resumes it" if ctx.invoked_subcommand in _RESUMED else ""
            fail(ctx, f"{how}{again}", 128 + number)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click reports it itself
        except OSError as error:  # a name that is too long, a right that is missing, a disk that fails
            fail(ctx, message_of(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}"), 1)
        except MemoryError as error:
            fail(ctx, message_of(f"the memory is not enough ({error}); give a smaller --tile or --batch"), 1)
        except Exception as error:  # noqa: BLE001 - a defect of ours is reported in one sentence, too
            if package := missing_package(error):
                fail(ctx, f"{package} is not installed, and this needs it; get it with: {install_command(package)}", 1)
            write_log(ctx, traceback.format_exc(), logging.ERROR)
            fail(ctx, f"{message_of(f'unexpected {type(error).__name__}: {error}')}; {_OURS[is_verbose(ctx)]}", 1)


@contextmanager
def short_usage_errors() -> Iterator[None]:
    """Shorten what click says of an option, a command or a value, since it repeats the whole of it."""
    try:
        yield
    except click.ClickException as error:
        error.message = message_of(error.message)  # type: ignore[misc]  # final in click's types alone
        raise


def fail(ctx: click.Context, message: str, exit_code: int) -> NoReturn:
    """Print the message and exit; -v adds the traceback."""
    if is_verbose(ctx):
        click.echo(traceback.format_exc(), err=True, nl=False)
    click.echo(f"geoglot: {one_line(message)}", err=True)
    write_log(ctx, message, logging.ERROR)
    ctx.exit(exit_code)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="geoglot")
def cli() -> None:
    """Say it in words, see it on the map.

    `geoglot COMMAND --help` explains a command, and `geoglot help` lists the pages of the docs.
    """


def main() -> None:
    """The `geoglot` program. Only here do signals and GEOGLOT_THREADS take effect: they change the whole process."""
    stop_on_signals()
    with suppress(InputError):  # the command that needs the settings reports it
        if threads := load_settings().threads:
            os.environ["OMP_NUM_THREADS"] = str(threads)  # read by torch, which no module has imported yet
    cli(prog_name="geoglot")
