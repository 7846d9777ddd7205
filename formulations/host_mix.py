"""The host-mix program: the cheapest numbers of bins of each type that pass every cut.

Minimise ``sum_k costs[k] n_k`` over integers ``0 <= n_k <= limits[k]`` with
``sum_k values[t, k] n_k >= least[t]`` for every cut t. A cut comes from weights, one per item: a
bin of type k holds items of weight ``values[t, k]`` at most, and all items weigh ``least[t]``
together. The bins of every packing pass it, so the optimum is a lower bound on what any packing
costs. Sizes in one resource are such weights, and so are ones (how many items fit a bin), dual
feasible functions of the sizes, and the dual prices of a column generation rounded to integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd

from formulations.errors import InputError
from formulations.program import Expression, Program
from formulations.vector_packing import VectorPacking


@dataclass(frozen=True)
class Cut:
    """What every packing's bins satisfy: ``sum_k values[k] n_k >= least``.

    Integers may be of any size; they are never rounded to floats.

    Parameters
    ----------
    values : tuple of int
        Per bin type the largest weight that one bin holds, or more; not negative.
    least : int
        What all items weigh together, or less.
    source : str
        Where the weights come from, as in ``volume of memory``.

    Raises
    ------
    InputError
        If a value is negative.

    Examples
    --------
    >>> Cut((4, 6), 13).reduced()
    Cut(values=(2, 3), least=7, source='')
    """

    values: tuple[int, ...]
    least: int
    source: str = ""

    def __post_init__(self) -> None:
        if min(self.values, default=0) < 0:
            raise InputError(f"a bin holds a negative weight: {min(self.values)}", "cut")

    @property
    def trivial(self) -> bool:
        """Whether it holds without any bin."""
        return self.least <= 0

    def reduced(self) -> Cut:
        """Return the same requirement in the smallest integers, and stronger on fractions.

        A value beyond ``least`` serves no better than ``least``; in whole units of the values'
        common divisor the right side may be rounded up.
        """
        if self.trivial:
            return Cut(tuple(0 for _ in self.values), 0, self.source)
        useful = [min(value, self.least) for value in self.values]
        unit = gcd(*useful) or 1
        return Cut(tuple(value // unit for value in useful), -(-self.least // unit), self.source)

    def divided(self, divisor: int) -> Cut:
        """Return the Chvátal–Gomory cut of a division: every term rounded up.

        V. Chvátal, Edmonds polytopes and a hierarchy of combinatorial problems, Discrete
        Mathematics 4, 1973, doi:10.1016/0012-365X(73)90167-2.
        """
        values = tuple(-(-value // divisor) for value in self.values)
        return Cut(values, -(-self.least // divisor), self.source)

    def rounded(self, unit: int) -> Cut:
        """Return a cut in a coarser unit that is no stronger: values rounded up, the right side down."""
        return Cut(tuple(-(-value // unit) for value in self.values), self.least // unit, self.source)

    def passes(self, mix: Sequence[int]) -> bool:
        """Whether a mix of bins satisfies the cut, in exact arithmetic."""
        return sum(int(n) * value for n, value in zip(mix, self.values, strict=True)) >= self.least

    def implies(self, other: Cut) -> bool:
        """Whether every fractional mix that passes this cut passes the other, by scaling one to the other.

        Sufficient only, as bins are in limited number: ``values / least`` must nowhere be larger.
        """
        if other.trivial:
            return True
        pairs = zip(self.values, other.values, strict=True)
        return self.least > 0 and all(mine * other.least <= theirs * self.least for mine, theirs in pairs)


def volume_cuts(problem: VectorPacking, names: Sequence[str] | None = None) -> Iterator[Cut]:
    """Yield one cut per resource: bins have together at least what all items take.

    Parameters
    ----------
    problem : VectorPacking
    names : sequence of str, optional
        Of the resources; numbers from 0 by default.
    """
    demand = problem.demand.tolist()
    for r in range(problem.resources):
        total = sum(size * count for size, count in zip(problem.sizes[:, r].tolist(), demand, strict=True))
        source = f"volume of {names[r] if names is not None else f'resource {r}'}"
        yield Cut(tuple(problem.capacities[:, r].tolist()), total, source)


def stated(costs: Sequence[int], limits: Sequence[int], cuts: Sequence[Cut]) -> Program:
    """Return the program as a MILP backend reads it: variable ``number_k`` for type k.

    Its coefficients are floats: what a backend says of it is no proof.
    """
    program = Program("host mix")
    number = [program.integer(f"number_{k}", 0, limit) for k, limit in enumerate(limits)]
    program.problem.setObjective(Expression(dict(zip(number, map(float, costs), strict=True))).pulp())
    for t, cut in enumerate(cuts):
        terms = {n: float(value) for n, value in zip(number, cut.values, strict=True) if value}
        program.at_least(Expression(terms), float(cut.least), f"cut_{t}")
    return program
