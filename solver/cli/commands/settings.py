"""``placewright settings``: what hypervisors must be told so that every VM gets what the solution gives it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from solver.cli.exits import Exit, exit_of_result
from solver.cli.options import FILE, command, writable
from solver.cli.parsing import ISOLATION, decimal
from solver.cli.session import Session
from solver.inventories.files import write_bytes
from solver.inventories.folders import check_vacant, write_folder

if TYPE_CHECKING:
    from formulations.instance import Instance
    from formulations.isolation import AnyIsolation
    from formulations.placement import Placement
    from solver.scheduling.enforcement import EnforcementSettings

SYSTEM_NAMES = ("cgroup", "systemd", "libvirt", "vsphere", "kubernetes", "kubevirt")


def _positive(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Decimal | None:
    """Read a positive number exactly as written."""
    if text is None:
        return None
    try:
        number = decimal(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if number <= 0:
        raise click.BadParameter(f"expected a positive number, got {text}")
    return number


@command("settings")
@click.argument("file", type=FILE)
@click.argument("result", type=FILE, required=False)
@click.option("--for", "system", type=click.Choice(SYSTEM_NAMES), required=True, help="The system that enforces.")
@click.option(
    "--enforce",
    type=click.Choice(["limit", "allocation"]),
    default="limit",
    show_default=True,
    help="limit: between reservation and limit, as shares say; allocation: what the solution gives, no less, no more.",
)
@click.option(
    "--vm", "vms", multiple=True, metavar="NAME", help="Only this VM, entry or group:NAME; can be given again."
)
@click.option("--cpu-resource", metavar="NAME", help="The resource that is cpu.  [default: the one with the role]")
@click.option("--memory-resource", metavar="NAME", help="The resource that is memory.")
@click.option("--cpu-unit", metavar="UNIT", help="Read cpu in this unit, whatever FILE calls it: cores, MHz, GHz …")
@click.option("--memory-unit", metavar="UNIT", help="Read memory in this unit, whatever FILE calls it: GB, GiB …")
@click.option(
    "--mhz-per-core", callback=_positive, metavar="MHZ", help="Clock of a core, for systems or files that count MHz."
)
@click.option(
    "--isolation", type=ISOLATION, metavar="MODE", help="Of every VM without a level of its own; as for solve."
)
@click.option(
    "--time",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="For solving, where no RESULT is given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print figures and files as one JSON object.")
@click.option(
    "--output",
    "-o",
    type=FILE,
    metavar="PATH",
    help="Write a new folder with a folder per host; a PATH with an ending (.sh, .xml …) becomes one file.",
)
def settings_command(
    session: Session,
    *,
    file: Path,
    result: Path | None,
    system: str,
    enforce: str,
    vms: tuple[str, ...],
    isolation: AnyIsolation | None,
    limit: float,
    as_json: bool,
    output: Path | None,
    cpu_resource: str | None,
    memory_resource: str | None,
    cpu_unit: str | None,
    memory_unit: str | None,
    mhz_per_core: Decimal | None,
) -> Exit:
    """Write what holds every VM to its share: weights, quotas, limits, pins.

    RESULT is a result of solve, or any file with {"placement": {"VM": "HOST"}};
    without it FILE is solved first. The settings are read back and checked
    against the solution before anything is written or printed.
    """
    from solver.inventories import read_instance
    from solver.scheduling.enforcement import enforcement_settings

    _check_output(output)
    instance = read_instance(file)
    if isolation is not None:
        instance = instance.replace(isolation=isolation)
    chosen = instance.vms_called(vms, "--vm").tolist() if vms else None
    placement = _placement(session, instance, result, limit)
    if isinstance(placement, Exit):
        return placement
    settings = enforcement_settings(
        instance,
        placement,
        system,
        enforce=enforce,
        vms=chosen,
        cpu_resource=cpu_resource,
        memory_resource=memory_resource,
        cpu_unit=cpu_unit,
        memory_unit=memory_unit,
        mhz_per_core=mhz_per_core,
    )
    _deliver(session, settings, as_json=as_json, output=output)
    return Exit.ANSWER


def _check_output(output: Path | None) -> None:
    """Refuse a path that could not be written, before any work is done for it."""
    if output is None:
        return
    if _is_one_file(output):
        writable(output, "--output")
    else:
        check_vacant(output)


def _is_one_file(output: Path) -> bool:
    return bool(output.suffix) and not output.is_dir()


def _placement(session: Session, instance: Instance, result: Path | None, limit: float) -> Placement | Exit:
    """Return the placement in a file, or solve for one; the exit code where there is none."""
    if result is not None:
        from solver.inventories import read_placement

        return read_placement(result, instance)
    from solver.cli.commands.solving import solved
    from solver.reporting.text import result_report

    found = solved(session, instance, limit, {})
    for warning in found.warnings:
        session.warn(warning)
    if found.placement is not None:
        return found.placement
    session.print(*result_report(found, everything=False))
    return exit_of_result(found)


def _deliver(session: Session, settings: EnforcementSettings, *, as_json: bool, output: Path | None) -> None:
    """Write the files asked for, then print; what was written to files is not printed again."""
    for note in settings.notes:
        session.warn(note)
    if output is not None:
        _write(settings, output)
    if as_json:
        from solver.reporting.documents import encoded
        from solver.reporting.enforcement_documents import settings_document

        session.write(encoded(settings_document(settings)).decode())
    elif output is None:
        session.write(settings.whole)
    else:
        vms = sum(len(host.members) for host in settings.hosts)
        session.write(f"{settings.system.name} settings of {vms} VMs on {len(settings.hosts)} hosts: {output}\n")


def _write(settings: EnforcementSettings, output: Path) -> None:
    if _is_one_file(output):
        write_bytes(output, settings.whole.encode())
    else:
        write_folder(output, {file.path: file.content.encode() for file in settings.files})
