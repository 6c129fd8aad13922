"""``sst completion``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(call: Call, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(sst completion bash)"                                  in ~/.bashrc
    zsh:   eval "$(sst completion zsh)"                                   in ~/.zshrc
    fish:  sst completion fish > ~/.config/fish/completions/sst.fish
    """
    from click.shell_completion import get_completion_class

    from ..root import root

    kind = get_completion_class(shell)
    assert kind
    call.screen.raw(kind(root, {}, "sst", "_SST_COMPLETE").source() + "\n")
