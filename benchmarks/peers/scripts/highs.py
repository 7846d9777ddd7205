"""HiGHS on a model: limits, a first solution, incumbents and what it ended with."""

from __future__ import annotations

from typing import Any

import highspy

from benchmarks.peers.scripts.exchange import Attempt, Status

STATUS: dict[Any, Status] = {
    highspy.HighsModelStatus.kOptimal: "OPTIMAL",
    highspy.HighsModelStatus.kInfeasible: "INFEASIBLE",
}


def prepared(attempt: Attempt) -> Any:
    """Return a quiet HiGHS on one thread that stops only at the optimum or at the limit."""
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", attempt.seed)
    highs.setOptionValue("mip_rel_gap", 0.0)
    attempt.used("highspy")
    return highs


def solved(attempt: Attempt, highs: Any) -> tuple[Status, float | None, float | None, list[float]]:
    """Solve in what is left of the time; return status, value, bound and the variables' values."""
    attempt.check()
    highs.setOptionValue("time_limit", attempt.left)
    highs.cbMipImprovingSolution.subscribe(lambda event: attempt.incumbent(event.data_out.objective_function_value))
    highs.run()
    info = highs.getInfo()
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    status = STATUS.get(highs.getModelStatus(), "FEASIBLE" if found else "UNKNOWN")
    bound = info.mip_dual_bound if abs(info.mip_dual_bound) < highspy.kHighsInf else None
    if not found:
        return status, None, bound, []
    value = info.objective_function_value
    attempt.incumbent(value)
    return status, value, bound, list(highs.getSolution().col_value)
