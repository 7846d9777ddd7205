"""Pictures: what they show is what the placement says, in a form that reads at any number of hosts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from formulations import VM, Bounds, Host, InputError, Instance, Placement, PlacewrightError, Resource
from formulations.bounds import Size
from solver.allocating import allocate
from solver.allocating.affine import linear_answers
from solver.allocating.bands import policy_bands
from solver.allocating.contentions import horizons
from solver.allocating.dynamic import best_dynamic_policy
from solver.reporting.pictures import (
    PolicyCourse,
    PolicyRange,
    band_figure,
    picture_of_bands,
    picture_of_placement,
    picture_of_ranges,
    picture_of_result,
    placement_figure,
    policy_range_figure,
    result_figure,
    save_figure,
    trace_figure,
)
from solver.reporting.pictures.bars import plain_amount
from solver.reporting.pictures.palette import COLOURS, darker, ink_on, lighter, palette_of
from solver.reporting.policies import Course
from solver.result import Incumbent, LevelResult, Result, Status
from tests.solver.test_examples import example

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text


def cluster(hosts: int, vms_per_host: int = 4) -> tuple[Instance, Placement]:
    """Return a cluster of two resources, its VMs dealt out in turn, with their allocation."""
    sizes: list[dict[str, Size]] = [
        {"cpu": Bounds(reservation=1, demand=2, limit=4), "memory": 4},
        {"cpu": Bounds(reservation=0.5, demand=3), "memory": Bounds(reservation=2, demand=6, limit=8)},
    ]
    vms = [VM(name=f"kind{n}", count=hosts * vms_per_host // 2, resources=size) for n, size in enumerate(sizes)]
    instance = Instance(
        name=f"{hosts} hosts",
        resources=[Resource(name="cpu", unit="cores"), Resource(name="memory", unit="GB")],
        vms=vms,
        hosts=[Host(name="host", count=hosts, capacity={"cpu": 12, "memory": 32})],
    )
    placed = allocate(instance, Placement(np.arange(instance.vm_count, dtype=np.int64) % hosts), "entitlement")
    assert placed is not None
    return instance, placed


def reference() -> tuple[Instance, Placement]:
    """Return the reference case under max-min."""
    instance = example("reference")
    placed = allocate(instance, Placement(instance.current), "maxmin")
    assert placed is not None
    return instance, placed


def words(figure: Figure) -> list[str]:
    """Return every text of a figure."""
    texts = [text.get_text() for text in figure.texts]
    for ax in figure.axes:
        texts += [ax.get_title(loc="left"), *(text.get_text() for text in ax.texts)]
        texts += [label.get_text() for label in ax.get_yticklabels()]
    return texts


def bars(ax: Axes) -> Iterator[Rectangle]:
    """Return the bars of a panel."""
    for container in ax.containers:
        yield from container.patches  # type: ignore[attr-defined]


def stacked_width(ax: Axes, row: int) -> float:
    """Return the whole length of the white-edged segments in a row."""
    segments = [bar for bar in bars(ax) if bar.get_edgecolor() == (1.0, 1.0, 1.0, 1.0)]
    return sum(bar.get_width() for bar in segments if abs(bar.get_y() + bar.get_height() / 2 - row) < 0.01)


def test_every_vm_of_the_reference_case_is_named_with_its_figures() -> None:
    """Five VMs have room for all that matters: names, amounts, demands and satisfaction."""
    text = "\n".join(words(placement_figure(*reference())))
    for said in ("80 of 100 (80 %)", "100 of 100 (100 %)", "vm5", "37.5 of 60 (62.5 %)", "cpu [cores]", "memory [GB]"):
        assert said in text


def test_segments_are_as_long_as_what_the_host_gives() -> None:
    """A stacked bar that did not end at the sum of its VMs' amounts would be a lie."""
    instance, placement = cluster(20, vms_per_host=6)
    figure = placement_figure(instance, placement)
    assert placement.allocation is not None
    for resource, ax in enumerate(figure.axes):
        quantum = float(instance.tables.scales[resource].quantum)
        for host in range(20):
            given = placement.allocation[placement.host_of == host, resource].sum() * quantum
            assert stacked_width(ax, host) == pytest.approx(given)


def test_labels_stay_within_their_segments() -> None:
    """Names of neighbouring segments must not run into one another."""
    instance, placement = cluster(8, vms_per_host=6)
    figure = placement_figure(instance, placement)
    figure.draw_without_rendering()
    seen = 0
    for ax in figure.axes:
        holders = [bar.get_window_extent() for bar in bars(ax) if bar.get_edgecolor() == (1.0, 1.0, 1.0, 1.0)]
        for label in ax.texts:
            box = label.get_window_extent()
            if "kind" in label.get_text():
                seen += 1
                assert any(box.x0 >= bar.x0 and box.x1 <= bar.x1 and bar.y0 <= box.y0 for bar in holders)
    assert seen >= 12


@pytest.mark.parametrize(("hosts", "panels"), [(2, 2), (30, 2), (31, 8), (500, 8)])
def test_the_form_follows_the_number_of_hosts(hosts: int, panels: int) -> None:
    """Few hosts have a bar each; hundreds become a map, profiles, histograms and the fullest ones."""
    figure = placement_figure(*cluster(hosts))
    assert len(figure.axes) == panels
    assert max(figure.get_size_inches()) < 20
    assert len(words(figure)) < 400


def test_no_texts_collide_in_the_overview() -> None:
    """Titles, legends, axis names and figures of an overview stand apart."""
    figure = placement_figure(*cluster(60))
    figure.draw_without_rendering()
    apart(
        [
            text
            for ax in figure.axes
            for text in (ax.xaxis.label, ax.yaxis.label, ax.title, ax._left_title)  # type: ignore[attr-defined]
            if text.get_text()
        ]
        + figure.texts
        + [text for legend in figure.legends for text in legend.get_texts()]
    )


def apart(texts: list[Text]) -> None:
    """Assert that no two texts overlap."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.overlaps(second), f"{one!r} collides with {other!r}"


def test_too_much_is_red_and_said() -> None:
    """A placement that was not verified may overload hosts: the picture must show it at once."""
    instance, placement = cluster(4)
    moved = Placement(np.zeros_like(placement.host_of), placement.allocation)
    text = "\n".join(words(placement_figure(instance, moved)))
    assert "1 over capacity" in text
    many, spread = cluster(100)
    crowded = np.where(spread.host_of < 3, 5, spread.host_of)
    assert "1 over capacity" in "\n".join(words(placement_figure(many, Placement(crowded, spread.allocation))))


def test_without_an_allocation_the_demand_is_drawn_and_said() -> None:
    """Bars of demands must not pass for allocations."""
    instance, placement = cluster(3)
    bare = Placement(placement.host_of)
    text = "\n".join(words(placement_figure(instance, bare)))
    assert "no allocation is given: expected demands are drawn" in text
    assert "no allocation" not in "\n".join(words(placement_figure(instance, placement)))


def test_nothing_to_draw_is_refused() -> None:
    """An empty picture would look like an answer."""
    instance, placement = cluster(50)
    with pytest.raises(InputError, match="nothing to draw"):
        placement_figure(instance, Placement(np.full_like(placement.host_of, -1)))
    with pytest.raises(InputError, match="expected 200 VMs, got 3"):
        placement_figure(instance, Placement(np.zeros(3, dtype=np.int64)))


def test_any_name_can_be_printed(tmp_path: Path) -> None:
    """Names hold what users type: dollars are no formulas, underscores hide nothing, foreign scripts do not stop it."""
    names = ["$a$", "_hidden", "仮想マシン", "x" * 200, r"back\slash"]
    vms = [VM(name=name, resources={"cpu": 1}) for name in names]
    instance = Instance(resources=[Resource(name="cpu")], vms=vms, hosts=[Host(name="$h_1$", capacity={"cpu": 9})])
    placement = Placement(np.zeros(5, dtype=np.int64))
    shown = "\n".join(words(placement_figure(instance, placement)))
    assert r"\$a\$" in shown
    assert "…" in shown
    many = instance.replace(vms=[vm.__class__(name=vm.name, count=9, resources=vm.resources) for vm in vms])
    for one, where in ((instance, placement), (many, Placement(np.zeros(45, dtype=np.int64)))):
        picture_of_placement(one, where, tmp_path / "odd.png")
        assert (tmp_path / "odd.png").read_bytes().startswith(b"\x89PNG")


def solved(instance: Instance, placement: Placement) -> Result:
    """Return a result with a headline level and a trace."""
    level = LevelResult("hosts", "hosts", Fraction(2), Fraction(1), "CBC 2.10.3")
    trace = tuple(Incumbent(0.1 * n, who, (Fraction(4 - n),)) for n, who in enumerate(("greedy", "CBC", "CBC")))
    one_level = instance.replace(objective=instance.levels[1:2])
    return Result(one_level, Status.FEASIBLE, placement, (level,), seconds=1.5, trace=trace)


def test_a_result_is_titled_with_status_objective_bound_and_gap() -> None:
    """A picture that is passed on must carry what is proved and what is not."""
    text = "\n".join(words(result_figure(solved(*reference()))))
    for said in ("reference: FEASIBLE", "hosts 2, bound 1, gap 50 %", "1.5 s"):
        assert said in text
    with pytest.raises(InputError, match="INFEASIBLE"):
        result_figure(Result(reference()[0], Status.INFEASIBLE))


def test_a_trace_ends_at_the_value_above_its_bound() -> None:
    """The anytime curve shows every improvement, who found it, and the bound."""
    result = solved(*reference())
    ax = trace_figure(result).axes[0]
    curve = ax.get_lines()[0]
    assert list(np.asarray(curve.get_ydata())) == [4.0, 3.0, 2.0, 2.0]
    assert np.asarray(curve.get_xdata())[-1] == 1.5
    legend = ax.get_legend()
    assert legend is not None
    said = [text.get_text() for text in legend.get_texts()]
    assert said == [" found by greedy", " found by CBC", " bound 1 hosts by CBC 2.10.3"]
    assert trace_figure(result, ax=ax) is ax.get_figure()
    with pytest.raises(InputError, match="level"):
        trace_figure(result, level=1)
    with pytest.raises(InputError, match="no trace"):
        trace_figure(Result(result.instance, Status.UNKNOWN))


def test_the_polygon_of_the_reference_case_is_drawn_with_optimum_and_intervals(tmp_path: Path) -> None:
    """The ranges of A and B are part of the linear model's answer, as intervals and as a picture."""
    instance = example("reference")
    answers = {"host": linear_answers(instance, Placement(instance.current))[0]}
    picture_of_ranges(answers, tmp_path / "ranges.svg")
    drawn = (tmp_path / "ranges.svg").read_text(encoding="utf-8")
    for said in ("A in [-0.03, 0.03], B in [0.4, 1.1]", "best (0, 0.625)", "host, memory", "A in [-0.0182, 0.06]"):
        assert said in drawn


@pytest.mark.parametrize("corners", [3, 5, 8])
def test_corner_labels_stand_apart(corners: int) -> None:
    """Coordinates printed one over the other could not be read."""
    angle = np.arange(corners) / corners * 2 * np.pi
    vertices = [(0.1 * float(np.cos(a)), 1 + 0.4 * float(np.sin(a))) for a in angle]
    figure = policy_range_figure([PolicyRange("cpu", vertices, vertices[0])])
    figure.draw_without_rendering()
    labels = figure.axes[0].texts
    assert len(labels) >= min(corners, 4)
    apart(list(labels))


def test_ranges_of_every_shape_can_be_drawn(tmp_path: Path) -> None:
    """Equal demands give a strip without end, tight bounds a segment or a point, conflicts nothing at all."""
    shapes = [
        PolicyRange("strip", [(0, 0.4), (0, 0.9)], (0, 0.9), [(-0.3, 1)]),
        PolicyRange("segment", [(0, 0.4), (0.1, 0.9)], (0.1, 0.9)),
        PolicyRange("point", [(0.2, 0.4)], (0.2, 0.4)),
        PolicyRange("none", []),
        PolicyRange("plane", [(0, 0)], (0, 0), [(1, 0), (0, 1)]),
    ]
    figure = policy_range_figure(shapes)
    save_figure(figure, tmp_path / "shapes.png", dots_per_inch=40)
    text = "\n".join(words(figure))
    for said in ("without end", "no linear policy keeps every bound", "every (A, B) is feasible", "[0.2, 0.2]"):
        assert said in text
    with pytest.raises(InputError, match="fewer hosts"):
        policy_range_figure([])


def test_bands_hold_the_policy_in_every_period(tmp_path: Path) -> None:
    """f(t) and g(t) are drawn inside the ranges that bounds and ramps leave to them."""
    instance = example("dynamic")
    found = horizons(instance, Placement(instance.current))[0]
    courses = {"host": {n: Course(best_dynamic_policy(one), policy_bands(one)) for n, one in found.items()}}
    picture_of_bands(courses, tmp_path / "bands.png")
    assert (tmp_path / "bands.png").stat().st_size > 10_000
    for course in courses["host"].values():
        assert course.bands is not None
        for value, (low, high) in zip(course.answer.f, course.bands.f, strict=True):
            assert low is not None
            assert high is not None
            assert float(low) - 1e-6 <= float(value) <= float(high) + 1e-6


def test_a_course_without_policy_or_bands() -> None:
    """An infeasible horizon says so; a policy without bands is a line; figures that do not match are refused."""
    courses = [PolicyCourse("none", (), ()), PolicyCourse("line", (0.1, 0.2), (1.0, 0.9), ((None, 0.3), (0.1, None)))]
    text = "\n".join(words(band_figure(courses)))
    assert "no dynamic policy keeps every bound" in text
    assert "line: g(t)" in text
    with pytest.raises(InputError, match="figures"):
        PolicyCourse("bad", (0.1,), (1.0, 0.9))


def test_more_ranges_than_can_be_read_are_cut_and_said(tmp_path: Path) -> None:
    """A hundred hosts do not fit one picture: it shows the first ones and tells how many there are."""
    answer = linear_answers(example("reference"), Placement(example("reference").current))[0]
    picture_of_ranges({f"host-{n}": answer for n in range(50)}, tmp_path / "many.svg")
    assert "the first 12 of 100" in (tmp_path / "many.svg").read_text(encoding="utf-8")


def test_files_are_whole_or_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of writing leaves the old picture and no litter."""
    target = tmp_path / "picture.png"
    picture_of_result(solved(*reference()), target)
    before = target.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        picture_of_result(solved(*reference()), target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_figure_gives_the_same_file(tmp_path: Path, kind: str) -> None:
    """Pictures under version control must not change by themselves."""
    for name in ("one", "two"):
        save_figure(placement_figure(*reference()), tmp_path / f"{name}.{kind}", dots_per_inch=50)
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    """The message lists what can be written."""
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        picture_of_placement(*reference(), tmp_path / "picture.gif")


def test_missing_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are an extra: without it there is a sentence, not a traceback of imports."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PlacewrightError, match=r"pip install 'placewright\[plot\]'"):
        placement_figure(*reference())


def test_drawing_keeps_out_of_the_way() -> None:
    """Importing costs no matplotlib, and drawing touches no pyplot state and no screen of the caller."""
    code = (
        "import sys, numpy as np\n"
        "from solver.reporting import pictures\n"
        "assert 'matplotlib' not in sys.modules\n"
        "pictures.policy_range_figure([pictures.PolicyRange('cpu', [(0, 1), (1, 0), (1, 1)], (1, 1))])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def contrast(ground: str, ink: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(ground), luminance(ink)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_labels_are_legible_on_every_colour() -> None:
    """Text on segments has the contrast that accessibility rules ask for, and strips differ from segments."""
    for colour in COLOURS:
        for ground in (colour, lighter(colour, 0.25)):
            assert contrast(ground, ink_on(ground)) >= 4.5
        assert contrast(darker(colour), lighter(colour, 0.25)) >= 1.5


def test_colours_stand_for_entries_or_groups_or_nothing() -> None:
    """The legend is only printed when a colour means one thing."""
    few = Instance(
        resources=[Resource(name="cpu")],
        vms=[VM(name=f"vm{n}", resources={"cpu": 1}, group=f"g{n % 3}") for n in range(8)],
        hosts=[Host(name="h", capacity={"cpu": 99})],
    )
    assert [key for key, _ in palette_of(few).legend] == [vm.name for vm in few.vms]
    grouped = few.replace(vms=[VM(name=f"vm{n}", resources={"cpu": 1}, group=f"g{n % 3}") for n in range(20)])
    assert [key for key, _ in palette_of(grouped).legend] == ["g0", "g1", "g2"]
    plain = few.replace(vms=[VM(name=f"vm{n}", resources={"cpu": 1}) for n in range(20)])
    assert palette_of(plain).legend == ()
    assert len(palette_of(plain).colours) == 20


def test_amounts_are_spelled_as_people_write_them() -> None:
    """Whole numbers stay whole, small ones keep two digits, and nothing ends in a point."""
    spelled = [plain_amount(value) for value in (80.0, 18.75, 37.5, 12_000.0, 0.004, 9.999, 0.0)]
    assert spelled == ["80", "18.75", "37.5", "12,000", "0.004", "10", "0"]
