"""The application, its error handling, and helpers for all commands."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from edgetrack import memory
from edgetrack.cli import log
from edgetrack.cli.usage import usage_message
from edgetrack.errors import BoxError, EdgetrackError, PromptWarning
from edgetrack.terminal import escape, one_line, open_console

if TYPE_CHECKING:
    from edgetrack.types import Box

EXIT_BROKEN = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_READER_GONE = 141  # exit code of a program that was ended by SIGPIPE
EXAMPLE = 'edgetrack run --camera 0 --text "red car"'


class _Commands(TyperGroup):
    """Turns errors that a user can fix into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        log.reset()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", PromptWarning)
                warnings.showwarning = _shown(warnings.showwarning)
                return super().invoke(ctx)
        except EdgetrackError as error:
            complain(str(error), code=getattr(error, "code", None))
            raise typer.Exit(EXIT_USER_ERROR) from error
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            said = getattr(error, "message", None)
            if isinstance(said, str):  # from the option parser
                error.message = escape(usage_message(error, said))  # type: ignore[attr-defined]
            if not memory.ran_out(error):
                if said is None and log.is_json():
                    complain(f"{type(error).__name__}: {error}", traceback=traceback.format_exc())
                    raise typer.Exit(EXIT_BROKEN) from error
                raise
            complain(str(memory.told("the command ran")))
            raise typer.Exit(EXIT_USER_ERROR) from error


app = typer.Typer(
    cls=_Commands,
    name="edgetrack",
    help="Track anything that you can describe, on the device.",
    epilog=f"Without a camera: [bold]edgetrack demo[/bold]. With one: [bold]{EXAMPLE}[/bold]",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def complain(message: str, **fields: Any) -> None:
    """Print an error to standard error, in one line, after the name of its ``camera``; or log it, with more fields."""
    if log.is_json():
        log.write("error", "error", message=message, **fields)
        return
    console = open_console(stderr=True)
    console.print("error:", style="bold red", end=" ")
    console.print(_of_camera(message, fields), soft_wrap=True)


def advise(message: str, **fields: Any) -> None:
    """Print a note to standard error, in one line, after the name of its ``camera``; or log it, with more fields."""
    if log.is_json():
        log.write("warning", "note", message=message, **fields)
        return
    console = open_console(stderr=True)
    console.print("note:", style="bold yellow", end=" ")
    console.print(_of_camera(message, fields), soft_wrap=True)


def _of_camera(message: str, fields: Mapping[str, Any]) -> str:
    camera = fields.get("camera")
    return one_line(message if camera is None else f"{camera}: {message}")


def _shown(otherwise: Callable[..., None]) -> Callable[..., None]:
    """Return a handler that reports warnings about texts as notes, and passes others to ``otherwise``.

    As JSON lines, others are notes, too.
    """

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, PromptWarning) or log.is_json():
            advise(str(message))
        else:
            otherwise(message, category, *place, **more)

    return show


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"edgetrack {version('edgetrack')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None: ...


def parse_box(value: str) -> Box:
    from edgetrack.types import Box

    try:
        return Box.of([float(part) for part in value.split(",")])
    except (ValueError, BoxError) as error:
        reason = str(error) if isinstance(error, BoxError) else f"--box {value!r} is not four numbers"
        raise BoxError(f"{reason}; give x,y,w,h in pixels, as in: --box 120,80,64,48") from error
