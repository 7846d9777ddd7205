"""Small random models, and hard ones, for the tests of backends."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pulp

from solver.backends.matrix import Matrix
from solver.deadline import Deadline


def expression(terms: Sequence[tuple[pulp.LpVariable, float]], constant: float = 0.0) -> pulp.LpAffineExpression:
    """Return a linear expression from pairs."""
    return pulp.LpAffineExpression(list(terms), constant)


def converted(problem: pulp.LpProblem) -> Matrix:
    """Return a problem as arrays, without a deadline."""
    matrix = Matrix.of(problem, Deadline())
    assert matrix is not None
    return matrix


def random_model(seed: int) -> pulp.LpProblem:
    """Return a model with up to five variables of every kind; it may be infeasible or unbounded."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    problem = pulp.LpProblem("random", chance.choice([pulp.LpMinimize, pulp.LpMaximize]))
    variables = [_variable(problem, f"v{number}", chance) for number in range(chance.randrange(1, 6))]
    if chance.random() < 0.9:
        costs = [(variable, _figure(chance)) for variable in variables]
        problem.setObjective(expression(costs, chance.choice([0, 0, 7, -2.5])))
    for number in range(chance.randrange(5)):
        some = chance.sample(variables, chance.randrange(1, len(variables) + 1))
        left = expression([(variable, _figure(chance)) for variable in some])
        sense = chance.choice([pulp.LpConstraintLE, pulp.LpConstraintGE, pulp.LpConstraintEQ])
        problem.addConstraint(pulp.LpConstraint(left, sense, f"row{number}", chance.randrange(-6, 10)))
    return problem


def _figure(chance: random.Random) -> float:
    """Return a coefficient, mostly an integer."""
    return chance.choice([chance.randrange(-5, 6), chance.randrange(1, 6), chance.randrange(-20, 20) / 4])


def _variable(problem: pulp.LpProblem, name: str, chance: random.Random) -> pulp.LpVariable:
    """Return a variable of a random category with random bounds."""
    category = chance.choice([pulp.LpContinuous, pulp.LpInteger, pulp.LpBinary])
    if category == pulp.LpBinary:
        return problem.add_variable(name, cat=category)
    lower = chance.choice([None, 0, 0, chance.randrange(-4, 3), -1.5])
    upper = chance.choice([None, 5, chance.randrange(-2, 8), 3.5])
    return problem.add_variable(name, lower, upper, category)


def random_binary_model(seed: int) -> pulp.LpProblem:
    """Return a bounded model with up to six integer variables in [-1, 2], small enough to enumerate."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    problem = pulp.LpProblem("enumerable", chance.choice([pulp.LpMinimize, pulp.LpMaximize]))
    variables = [problem.add_variable(f"v{number}", -1, 2, pulp.LpInteger) for number in range(chance.randrange(1, 7))]
    problem.setObjective(expression([(variable, chance.randrange(-9, 10)) for variable in variables], 3))
    for number in range(chance.randrange(1, 5)):
        left = expression([(variable, chance.randrange(-5, 6)) for variable in variables])
        sense = chance.choice([pulp.LpConstraintLE, pulp.LpConstraintGE, pulp.LpConstraintEQ])
        problem.addConstraint(pulp.LpConstraint(left, sense, f"row{number}", chance.randrange(-4, 6)))
    return problem


def market_split(rows: int = 4, columns: int = 30, seed: int = 1) -> pulp.LpProblem:
    """Return a market split model: for these sizes no solver finds a first solution for long."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    problem = pulp.LpProblem("market")
    chosen = [problem.add_variable(f"x{column}", cat=pulp.LpBinary) for column in range(columns)]
    problem.setObjective(expression([(variable, 1) for variable in chosen]))
    for row in range(rows):
        sizes = [chance.randrange(100) for _ in chosen]
        left = expression(list(zip(chosen, sizes, strict=True)))
        problem.addConstraint(pulp.LpConstraint(left, pulp.LpConstraintEQ, f"row{row}", sum(sizes) // 2))
    return problem


def knapsack(rows: int = 5, columns: int = 200, seed: int = 1) -> pulp.LpProblem:
    """Return a knapsack with several rows: solutions come at once, the proof takes very long."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
    chosen = [problem.add_variable(f"x{column}", cat=pulp.LpBinary) for column in range(columns)]
    sizes = [[chance.randrange(10, 1000) for _ in chosen] for _ in range(rows)]
    worths = [sum(column) // rows + chance.randrange(500) for column in zip(*sizes, strict=True)]
    problem.setObjective(expression(list(zip(chosen, worths, strict=True))))
    for row, row_sizes in enumerate(sizes):
        left = expression(list(zip(chosen, row_sizes, strict=True)))
        problem.addConstraint(pulp.LpConstraint(left, pulp.LpConstraintLE, f"row{row}", sum(row_sizes) // 2))
    return problem
