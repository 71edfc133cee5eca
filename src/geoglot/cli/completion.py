"""geoglot completion: words that a shell completes after `geoglot`."""

import click
from click.shell_completion import get_completion_class

from geoglot.cli.commands import COMPLETION

_WHERE = {
    "bash": 'eval "$(geoglot completion bash)"      in ~/.bashrc',
    "zsh": 'eval "$(geoglot completion zsh)"       in ~/.zshrc, after compinit',
    "fish": "geoglot completion fish | source       in ~/.config/fish/config.fish",
}


@click.command(epilog="\b\n" + "\n".join(_WHERE.values()))
@click.argument("shell", type=click.Choice(list(_WHERE)))
def command(shell: str) -> None:
    """Print what makes SHELL complete commands, flags, choices and file names after `geoglot`.

    Example: eval "$(geoglot completion bash)"
    """
    from geoglot.cli.main import cli

    complete = get_completion_class(shell)
    if complete is None:
        raise click.UsageError(f"{shell} is not known")
    click.echo(complete(cli, {}, "geoglot", COMPLETION).source())
