"""Options that take several values at once: ``--clear a b`` as well as ``--clear a --clear b``."""

from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperCommand


class SeveralValuesCommand(TyperCommand):
    """A command whose repeatable options may be followed by more than one value.

    For commands without positional arguments: every word that follows such an option, up to the next word that begins
    with a dash, is a value of it.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse ``args`` after giving every value its own option."""
        several = [parameter for parameter in self.params if getattr(parameter, "multiple", False)]
        repeatable = {name for parameter in several for name in parameter.opts}
        return super().parse_args(ctx, repeat_options(args, repeatable))


def repeat_options(args: Sequence[str], repeatable: Collection[str]) -> list[str]:
    """``--x a b`` as ``--x a --x b`` for every option in ``repeatable``; all else stays as it is."""
    repeated: list[str] = []
    option, has_value = None, False
    for arg in args:
        if arg.startswith("-"):
            name, equals, _ = arg.partition("=")
            option, has_value = (name if name in repeatable else None), bool(equals)
        elif option is not None and has_value:
            repeated.append(option)
        else:
            has_value = True
        repeated.append(arg)
    return repeated
