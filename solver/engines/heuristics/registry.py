"""The heuristics by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType

from formulations.tables import Integers
from formulations.vector_packing import Packing
from solver.deadline import Deadline
from solver.engines.heuristics import codes
from solver.engines.heuristics.citations import (
    BELOGLAZOV,
    GABAY,
    GRANDL,
    JOHNSON,
    KOU,
    LEINBERGER,
    MOMMESSIN,
    PANIGRAHY,
)
from solver.engines.heuristics.filling import FillRule, fill
from solver.engines.heuristics.fitting import FitRule, fit
from solver.engines.heuristics.ground import Ground
from solver.engines.heuristics.heuristic import Heuristic
from solver.engines.heuristics.pairing import PairRule, fewest, pair

NORMS = {"sum": codes.SUM, "max": codes.LARGEST, "squares": codes.SQUARES}
BIN_NORMS = NORMS | {"load": codes.LOAD}
WEIGHTS = {
    "average": codes.AVERAGE,
    "exponential": codes.EXPONENTIAL,
    "reciprocal": codes.RECIPROCAL,
}
SCORES = {
    "dot-product": codes.DOT,
    "cosine": codes.COSINE,
    "normalised-dot-product": codes.SHARE_DOT,
    "L2": codes.DISTANCE,
    "tight-fill-sum": codes.TIGHT_SUM,
    "tight-fill-min": codes.TIGHT_LEAST,
    "best-fit-max": codes.LEAST_LEFT,
    "largest": codes.SIZE,
}
PAIR_SCORES = SCORES | {"bin-dot-product": codes.BIN_DOT}
RATIOS = {"utilisation": codes.UTILISATION, "residual": codes.RESIDUAL}

MOST_ITEMS_ONE_BY_ONE = 200_000
"""Beyond this many items, heuristics with weights that change with every item are refused."""

MOST_ITEMS_PAIRED = 20_000
"""Beyond this many items, heuristics that look for the best of all pairs are refused."""


def item_centric() -> Iterator[Heuristic]:
    """Yield next, first, best and worst fit and their decreasing forms, and PABFD."""

    def named(name: str, rule: FitRule, *cites: str) -> Heuristic:
        return Heuristic(name, "item-centric", cites, partial(_fit, rule=rule))

    yield named("NF", FitRule(codes.NEXT, "given"), JOHNSON)
    yield named("FF", FitRule(codes.FIRST, "given"), JOHNSON)
    for norm in BIN_NORMS:
        yield named(f"BF-{norm}", FitRule(codes.BEST, "given", bin_norm=BIN_NORMS[norm]), JOHNSON, KOU)
        yield named(f"WF-{norm}", FitRule(codes.WORST, "given", bin_norm=BIN_NORMS[norm]), JOHNSON, KOU)
    for letter, how in {"N": codes.NEXT, "F": codes.FIRST, "B": codes.BEST, "W": codes.WORST}.items():
        for order in ("lexicographic", "rank"):
            yield named(f"{letter}FD-{order}", FitRule(how, order), KOU if order == "lexicographic" else MOMMESSIN)
        yield named(f"{letter}FD-product", FitRule(how, norm=codes.PRODUCT), KOU, PANIGRAHY)
        for norm, code in NORMS.items():
            yield named(f"{letter}FD-{norm}", FitRule(how, norm=code), JOHNSON, KOU)
            for weight, kind in WEIGHTS.items():
                rule = FitRule(how, norm=code, weight=kind)
                yield named(f"{letter}FD-{norm}-{weight}", rule, PANIGRAHY, MOMMESSIN)
                changing = FitRule(how, norm=code, weight=kind, renewal=codes.BY_ITEMS)
                yield named(f"{letter}FD-{norm}-{weight}-dynamic", changing, GABAY, MOMMESSIN)
            ratio = FitRule(how, norm=code, weight=codes.UTILISATION, renewal=codes.BY_ITEMS)
            yield named(f"{letter}FD-{norm}-utilisation", ratio, MOMMESSIN)
            if letter in "BW":
                yield named(f"{letter}FD-{norm}-load", FitRule(how, norm=code, bin_norm=codes.LOAD), MOMMESSIN)
                for weight, kind in WEIGHTS.items():
                    bins = FitRule(how, norm=code, weight=kind, bin_weight=kind)
                    yield named(f"{letter}FD-{norm}-{weight}-bins", bins, MOMMESSIN)
    yield named("PABFD", FitRule(codes.POWER, "first resource"), BELOGLAZOV)


def bin_centric() -> Iterator[Heuristic]:
    """Yield the scores under all weights, Tetris' alignment, permutation pack and choose pack."""

    def named(name: str, rule: FillRule, *cites: str) -> Heuristic:
        changing = rule.renewal != codes.ONCE or rule.weight >= codes.UTILISATION or rule.how == codes.SHARE_DOT
        return Heuristic(
            name,
            "bin-centric",
            cites,
            partial(_fill, rule=rule),
            partial(_fill, rule=rule, lookahead=True),
            MOST_ITEMS_ONE_BY_ONE if changing else None,
        )

    yield named("Tetris", FillRule(codes.DOT), GRANDL)
    for score, how in SCORES.items():
        cites = (PANIGRAHY, MOMMESSIN) if how in (codes.DOT, codes.DISTANCE) else (MOMMESSIN,)
        if how != codes.DOT:
            yield named(score, FillRule(how), *cites)
        for weight, kind in WEIGHTS.items():
            yield named(f"{score}-{weight}", FillRule(how, kind), *cites)
            yield named(f"{score}-{weight}-dynamic", FillRule(how, kind, codes.BY_ITEMS), *cites)
            yield named(f"{score}-{weight}-bins", FillRule(how, kind, codes.BY_BINS), *cites)
        for weight, kind in RATIOS.items():
            yield named(f"{score}-{weight}", FillRule(how, kind, codes.BY_ITEMS), GABAY, MOMMESSIN)
    for order, norm in NORMS.items():
        ties = FitRule(codes.FIRST, norm=norm)
        for window in (1, 2, 3, 4):
            yield named(
                f"permutation-pack-{window}-{order}", FillRule(codes.PERMUTATION, window=window, ties=ties), LEINBERGER
            )
            yield named(f"choose-pack-{window}-{order}", FillRule(codes.CHOICE, window=window, ties=ties), LEINBERGER)


def multi_bin() -> Iterator[Heuristic]:
    """Yield worst fit and pairing into bins that are all open, with binary search on their number."""
    for norm, code in NORMS.items():
        for weight, kind in {"": codes.UNIT, **{f"-{name}": code for name, code in WEIGHTS.items()}}.items():
            rule = FitRule(codes.WORST, norm=code, weight=kind)
            yield Heuristic(f"WFD-{norm}{weight}-open", "multi-bin", (MOMMESSIN,), partial(_fit_open, rule=rule))
    for name, pairs in _pair_rules():
        recipe = partial(_pair, rule=pairs)
        yield Heuristic(f"pairing-{name}", "multi-bin", (MOMMESSIN,), recipe, most_items=MOST_ITEMS_PAIRED)


def _pair_rules() -> Iterator[tuple[str, PairRule]]:
    """Yield the scores that pairs are chosen by: the slow ones plain, the strong ones under changing weights, too."""
    yield "dot-product", PairRule(codes.DOT)
    for score in ("cosine", "bin-dot-product", "L2", "tight-fill-sum", "tight-fill-min"):
        how = PAIR_SCORES[score]
        yield score, PairRule(how)
        for weight, kind in WEIGHTS.items():
            yield f"{score}-{weight}", PairRule(how, kind)
    for score in ("bin-dot-product", "L2"):
        how = PAIR_SCORES[score]
        for weight, kind in (WEIGHTS | {"utilisation": codes.UTILISATION}).items():
            dynamic = "" if kind == codes.UTILISATION else "-dynamic"
            yield f"{score}-{weight}{dynamic}", PairRule(how, kind, codes.BY_ITEMS)
            yield f"{score}-{weight}{dynamic}-lazy", PairRule(how, kind, codes.BY_ITEMS, lazy=True)


def _fit(ground: Ground, opening: Integers, deadline: Deadline, *, rule: FitRule) -> Packing | None:
    return fit(ground, rule, opening, deadline)


def _fill(
    ground: Ground, opening: Integers, deadline: Deadline, *, rule: FillRule, lookahead: bool = False
) -> Packing | None:
    return fill(ground, rule, opening, deadline, lookahead=lookahead)


def _fit_open(ground: Ground, opening: Integers, deadline: Deadline, *, rule: FitRule) -> Packing | None:
    return fewest(ground, opening, lambda bins: fit(ground, rule, opening, deadline, bins), deadline)


def _pair(ground: Ground, opening: Integers, deadline: Deadline, *, rule: PairRule) -> Packing | None:
    return fewest(ground, opening, lambda bins: pair(ground, rule, opening, deadline, bins), deadline)


HEURISTICS: Mapping[str, Heuristic] = MappingProxyType(
    {one.name: one for family in (item_centric, bin_centric, multi_bin) for one in family()}
)
"""All heuristics by name, item-centric before bin-centric before multi-bin."""
