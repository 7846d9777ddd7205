"""Overviews: hundreds of hosts as a heat map, profiles and histograms, the fullest ones in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from solver.reporting.figures import percent
from solver.reporting.pictures.canvas import ALARM, FAINT, INK, NORMAL, SMALL, literal
from solver.reporting.pictures.loads import HostLoads

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

MAP = "cividis"
"""Even in lightness and the same to colour-blind readers (doi:10.1371/journal.pone.0199239)."""

RESERVED, GIVEN, ASKED = "#08519c", "#9ecae1", "#d55e00"

HEADING: dict[str, Any] = {"size": NORMAL, "color": INK, "loc": "left"}

Floats = NDArray[np.float64]


def scarcest(loads: HostLoads, most: int) -> list[int]:
    """Return the resources of which the largest part is asked for, at most so many, in their order."""
    total = loads.capacity.sum(axis=0)
    share = np.divide(loads.demand.sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
    return sorted(np.argsort(-share, kind="stable")[:most].tolist())


def draw_heat_map(ax: Axes, loads: HostLoads) -> AxesImage:
    """Draw hosts (columns, fullest first) by resources (rows): expected demand in percent of capacity."""
    share = np.round(loads.pressure * 100, 6)
    image = ax.imshow(share[loads.by_pressure].T, aspect="auto", cmap=MAP, vmin=0, vmax=100, interpolation="nearest")
    image.set_cmap(image.get_cmap().with_extremes(over=ALARM))
    ax.set_yticks(np.arange(share.shape[1]))
    ax.set_yticklabels([literal(resource.name, 20) for resource in loads.instance.resources])
    ax.set_xlabel("hosts in use, the fullest first", size=SMALL, color=INK)
    ax.set_title("expected demand in % of the host's capacity (red: more than there is)", **HEADING)
    return image


def draw_profile(ax: Axes, loads: HostLoads, resource: int) -> None:
    """Draw what is reserved (dark), given (light) and asked for (line) on every host, in percent."""
    given, asked = loads.utilisation[:, resource] * 100, loads.pressure[:, resource] * 100
    capacity = loads.capacity[:, resource]
    low = loads.reservation[:, resource]
    reserved = np.divide(low * 100, capacity, out=np.zeros_like(low), where=capacity > 0)
    order = np.argsort(-asked, kind="stable")
    edges = np.arange(len(order) + 1)
    for share, colour in ((given, GIVEN), (reserved, RESERVED)):
        ax.fill_between(edges, _closed(share[order]), step="post", color=colour, linewidth=0)
    ax.plot(edges, _closed(asked[order]), drawstyle="steps-post", color=ASKED, linewidth=1.2)
    ax.axhline(100, color=INK, linewidth=0.9)
    ax.set_xlim(0, len(order))
    ax.set_ylim(0, max(105.0, 1.05 * float(given.max(initial=0)), 1.05 * min(250.0, float(asked.max(initial=0)))))
    ax.set_xlabel("hosts, by demand", size=SMALL, color=INK)
    ax.set_title(literal(f"{loads.instance.resources[resource].name}: {_whole(loads, resource)}", 60), **HEADING)


def _closed(values: Floats) -> Floats:
    """Repeat the last value, so that steps reach the right end of its host."""
    return np.append(values, values[-1:])


def _whole(loads: HostLoads, resource: int) -> str:
    total = float(loads.capacity[:, resource].sum())
    if not total:
        return "no capacity"
    given, asked = (float(part[:, resource].sum()) / total for part in (loads.amount, loads.demand))
    return f"{percent(round(asked, 9))} asked, {percent(round(given, 9))} given"


def draw_histogram(ax: Axes, loads: HostLoads, resource: int) -> None:
    """Draw how many hosts are asked for how much, in steps of five percent."""
    share = loads.pressure[:, resource] * 100
    step = np.maximum(np.ceil(np.round(share / 5, 6)).astype(np.int64) - 1, 0)  # (0, 5], (5, 10], …
    counts = np.bincount(step, minlength=20)
    edges = np.arange(len(counts) + 1) * 5.0
    ax.stairs(counts, edges, fill=True, color=FAINT)
    middle = float(np.median(share))
    ax.axvline(middle, color=ALARM, linewidth=1.1)
    high = middle > edges[-1] / 2
    ax.annotate(
        f"median {percent(round(middle / 100, 9))}",
        (middle, 1.0),
        (-3 if high else 3, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        size=SMALL,
        color=ALARM,
        ha="right" if high else "left",
        va="top",
    )
    ax.set_xlim(0, edges[-1])
    ax.set_ylim(0, max(1, int(counts.max())) * 1.3)
    ax.set_xlabel("demand in % of capacity", size=SMALL, color=INK)
