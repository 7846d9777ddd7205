"""The program: its commands, and what every way of ending becomes for the shell."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from solver.cli.exits import EPILOG, Exit
from solver.cli.session import Session, complain

COMMANDS = {
    "solve": ("solving", "Place the VMs of FILE on its hosts, as well as can be proved in the time."),
    "rebalance": ("rebalancing", "Improve the placement of VMs that run already, for few moves."),
    "repair": ("rebalancing", "Mend what is broken with the least movement, and change nothing else."),
    "drain": ("rebalancing", "Empty hosts with the least movement."),
    "admit": ("rebalancing", "Make room now for VMs that do not run yet, with the least movement."),
    "allocate": ("allocation", "Share out the hosts' resources for a placement that is given."),
    "verify": ("judging", "Check a placement, anybody's, against every rule and capacity of FILE."),
    "explain": ("explanations", "Say why FILE has no placement, and which changes would give it one."),
    "schedule": ("scheduling", "Order the start-up of a placement, and give every vCPU its core time."),
    "simulate": ("simulating", "Run given or random work on the hosts' cores, under one policy or all."),
    "migrate": ("migrating", "Plan the live migrations from where VMs run now to a placement."),
    "settings": ("settings", "Write what hypervisors must be told so that every VM gets its share."),
    "bench": ("benching", "Run every heuristic on FILE, measured by what is proved of it."),
    "show": ("showing", "Show an instance, or a result of it, in tables."),
    "schema": ("publishing", "Print the JSON Schema of instance or result files."),
    "example": ("publishing", "List the bundled examples, or write one."),
}


class LazyCommands(click.Group):
    """Imports a command's module only when the command is used, so that help comes at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return a command; None if there is no such."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"solver.cli.commands.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _print_version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from solver.cli.versions import version_lines

        ctx.ensure_object(Session).write("\n".join(version_lines()) + "\n")
        ctx.exit()


@click.group(cls=LazyCommands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print versions."
)
def placewright() -> None:
    """Place virtual machines on hosts: exact, proved, and verified in integers.

    Try: placewright example web-shop -o shop.yaml && placewright solve shop.yaml
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.
    """
    session = Session()
    _accept_any_name()
    try:
        code = placewright.main(
            args=None if arguments is None else list(arguments),
            prog_name="placewright",
            standalone_mode=False,
            obj=session,
        )
        return int(code or 0)
    except SystemExit:
        raise
    except BaseException as error:  # the shell must get one line and one code, whatever happened
        return int(_end_of(error, session))
    finally:
        session.close()


def _end_of(error: BaseException, session: Session) -> Exit:
    """Tell what happened in one line and return its exit code."""
    from formulations.errors import InputError, PlacewrightError, UnsupportedError

    if isinstance(error, click.ClickException):
        _show_usage_error(error)
        return Exit.BAD_INPUT
    if isinstance(error, KeyboardInterrupt | click.Abort):
        complain("interrupted before there was an answer")
        return Exit.UNKNOWN
    if isinstance(error, InputError | UnsupportedError):
        complain(f"error: {error}")
        return Exit.BAD_INPUT
    if session.verbosity >= 1:
        sys.stderr.write("".join(traceback.format_exception(error)))
    if isinstance(error, PlacewrightError | OSError):
        complain(f"error: {error}")
        return Exit.INTERNAL
    kind = type(error).__name__
    complain(f"internal error: {kind}: {error} (please report it; -v shows where it happened)")
    return Exit.INTERNAL


def _show_usage_error(error: click.ClickException) -> None:
    """Print a usage error in one line, with the command whose --help says more."""
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "placewright"
    complain(f"error: {error.format_message()} (see {where} --help)")


def _accept_any_name() -> None:
    """Let a name that the terminal's encoding lacks be escaped rather than end the run."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
