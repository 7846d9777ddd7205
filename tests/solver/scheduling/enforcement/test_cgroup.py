"""Tests of control groups and slices: what the kernel and systemd take, and what it means there."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from formulations import VM, Bounds, Full, Instance, Placement
from formulations.errors import InputError, UnsupportedError
from formulations.scheduling.enforcement import SettingsFile
from solver.scheduling.enforcement import enforcement_settings
from solver.scheduling.enforcement.slices import slice_name
from tests.solver.scheduling.enforcement.cases import cases, single_host

PAGE = 4096


def files_of(instance: Instance, placement: Placement, name: str, enforce: str = "limit") -> dict[str, str]:
    """Return the interface files of one VM by their names."""
    folder = f"/{slice_name(name)}/"
    files = enforcement_settings(instance, placement, "cgroup", enforce=enforce).files
    return {file.path.rpartition("/")[2]: file.content.strip() for file in files if folder in file.path}


def test_figures_of_a_plain_vm() -> None:
    """One case by hand: 1 to 2 of 8 cores, 4 to 8 GiB, twice the shares of its neighbour."""
    vms = [
        VM(
            name="web",
            resources={
                "cpu": Bounds(reservation=1, demand=1, limit=2, shares=2),
                "memory": Bounds(reservation=4, demand=6, limit=8),
            },
        ),
        VM(name="other", resources={"cpu": Bounds(limit=8, demand=1), "memory": 1}),
    ]
    instance, placement = single_host(vms)
    found = files_of(instance, placement, "web")
    assert found["cpu.weight"] == "10000"
    assert files_of(instance, placement, "other")["cpu.weight"] == "5000"
    assert found["cpu.max"] == "200000 100000"
    assert found["memory.min"] == str(4 * 2**30)
    assert found["memory.low"] == str(8 * 2**30)
    assert (found["memory.high"], found["memory.max"]) == ("max", str(8 * 2**30))


def test_an_enforced_allocation_slows_before_a_stated_limit_kills() -> None:
    """Passing what one was given is no reason to be killed; passing one's own limit is."""
    vm = VM(name="a", resources={"memory": Bounds(reservation=2, demand=70, limit=100)})
    found = files_of(*single_host([vm]), "a", "allocation")
    assert found["memory.min"] == found["memory.high"] == str(64 * 2**30)
    assert found["memory.max"] == str(100 * 2**30)


def test_a_small_quota_gets_a_longer_period() -> None:
    """The kernel takes no quota below a millisecond."""
    small = VM(name="a", resources={"cpu": 0.005})
    assert files_of(*single_host([small]), "a")["cpu.max"] == "5000 1000000"
    smaller = VM(name="a", resources={"cpu": 0.0005})
    with pytest.raises(InputError, match="cpu of a on host would be limited to less than the system can state"):
        enforcement_settings(*single_host([smaller]), "cgroup")


def test_a_quota_never_exceeds_one_core_per_vcpu() -> None:
    """More could not be used, and would hide what the limit really is."""
    vm = VM(name="a", vcpus=2, resources={"cpu": Bounds(demand=1, limit=6)})
    assert files_of(*single_host([vm]), "a")["cpu.max"] == "200000 100000"


def test_a_pinned_vm_has_no_quota() -> None:
    """Its cores bound it; a quota would stop it at the end of a period for rounding alone."""
    vm = VM(name="a", resources={"cpu": 3, "memory": 1}, isolation=Full(pinned=True))
    found = files_of(*single_host([vm]), "a")
    assert found["cpu.max"] == "max 100000"
    assert found["cpuset.cpus"] == "0-2"


def test_memory_is_page_aligned_and_protected_through_the_parent() -> None:
    """The kernel rounds to pages by itself, and protects no more than the parent is protected to."""
    for _, instance, placement in cases(range(300, 312)):
        try:
            files = enforcement_settings(instance, placement, "cgroup").files
        except (InputError, UnsupportedError):
            continue
        for host in {file.path.split("/")[0] for file in files}:
            for kind in ("memory.min", "memory.low"):
                own = [file for file in files if file.path.startswith(f"{host}/") and file.path.endswith(kind)]
                parent = [int(file.content) for file in own if file.path.count("/") == 2]
                inner = [int(file.content) for file in own if file.path.count("/") == 3]
                assert all(size % PAGE == 0 for size in inner)
                assert sum(parent) >= sum(inner)


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_the_script_writes_the_same_files(tmp_path: Path) -> None:
    """Whoever runs the script must get what the folder holds; names may hold what shells interpret."""
    vms = [VM(name=name, resources={"cpu": 1, "memory": 2}) for name in ("web-1", "it's $HOME", "Bücher/Ä")]
    settings = enforcement_settings(*single_host(vms, name="host $1"), "cgroup")
    script = tmp_path / "apply.sh"
    script.write_text(settings.whole, encoding="utf-8")
    environment = {"CGROUP_ROOT": str(tmp_path / "root"), "PATH": "/usr/bin:/bin"}
    run = ["sh", str(script)]
    (tmp_path / "root").mkdir()
    subprocess.run([*run, "host $1"], env=environment, check=True, timeout=60)
    for file in settings.files:
        written = tmp_path / "root" / file.path.split("/", 1)[1]
        assert written.read_text(encoding="utf-8") == file.content
    wrong = subprocess.run([*run, "another"], env=environment, check=False, capture_output=True, timeout=60)
    assert wrong.returncode == 1
    assert b"no settings for host another" in wrong.stderr


def test_names_of_slices_are_unique_and_flat() -> None:
    """A dash in a slice's name would nest it below another VM's slice."""
    names = ["a-b", "a/b", "a_b", "a.b", ".a", "ä", "a b", r"a\x2db"]
    slices = [slice_name(name) for name in names]
    assert len(set(slices)) == len(names)
    assert all(one.count("-") == 1 and "/" not in one and one.isascii() for one in slices)
    with pytest.raises(UnsupportedError, match="too long for the name of a systemd slice"):
        slice_name("ä" * 200)


def units(instance: Instance, placement: Placement) -> dict[str, SettingsFile]:
    """Return the unit files by name."""
    settings = enforcement_settings(instance, placement, "systemd")
    return {file.path.rpartition("/")[2]: file for file in settings.files}


def test_a_slice_says_what_the_control_group_says() -> None:
    """Every version of systemd takes whole percents of a core; it writes the interface files itself."""
    vm = VM(name="web-1", resources={"cpu": Bounds(demand=1, limit=2.559), "memory": 4})
    found = units(*single_host([vm]))
    content = found[r"placewright-web\x2d1.slice"].content
    assert "[Slice]\nCPUWeight=10000\nCPUQuota=255%\n" in content
    assert f"MemoryMin={4 * 2**30}\n" in content
    assert "MemoryHigh=infinity\n" in content
    assert f"MemoryMin={4 * 2**30}\n" in found["placewright.slice"].content


def test_an_unlimited_slice_takes_an_old_quota_off() -> None:
    """Settings must not depend on what was set before."""
    vm = VM(name="a", resources={"cpu": Bounds(reservation=1)})
    assert "CPUQuota=\n" in units(*single_host([vm]))["placewright-a.slice"].content


def test_specifiers_in_names_mean_themselves() -> None:
    """Otherwise systemd would replace %h by a home directory."""
    vm = VM(name="a%h", resources={"cpu": 1})
    content = units(*single_host([vm]))[r"placewright-a\x25h.slice"].content
    assert "Description=a%%h (host)\n" in content


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_itself_takes_the_slices(tmp_path: Path) -> None:
    """A property that systemd does not know is ignored with a warning, and the VM would not be held."""
    vms = [
        VM(name="a", resources={"cpu": 2, "memory": 4}, isolation=Full(pinned=True)),
        VM(name="b-c", resources={"cpu": 1}),
    ]
    paths = []
    for name, file in units(*single_host(vms)).items():
        (tmp_path / name).write_text(file.content, encoding="utf-8")
        paths.append(str(tmp_path / name))
    run = subprocess.run(["systemd-analyze", "verify", *paths], check=False, capture_output=True, text=True, timeout=60)
    assert "Unknown key" not in run.stderr
    assert "Invalid" not in run.stderr


def test_readings_come_back_within_one_step() -> None:
    """What is written must mean what was meant, also for figures that no quota states exactly."""
    vm = VM(name="a", count=3, resources={"cpu": Bounds(demand=8), "memory": Bounds(demand=64)})
    instance, placement = single_host([vm], overcommit={"cpu": 1.7})
    settings = enforcement_settings(instance, placement, "cgroup", enforce="allocation")
    assert placement.allocation is not None
    for reading, given in zip(settings.readings, placement.allocation[:, 0].tolist(), strict=True):
        exactly = instance.tables.scales[0].value(given) / Fraction(17, 10)
        assert reading.cpu_limit is not None
        assert 0 < exactly - reading.cpu_limit < Fraction(1, 100_000)
