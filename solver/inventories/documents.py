"""What result files hold: plain data with a published schema."""

from __future__ import annotations

from typing import Literal

import msgspec

StatusWord = Literal["OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN"]


class LevelDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One objective level: its value, and what bounds it.

    Parameters
    ----------
    name : str
        Its terms, such as ``hosts``.
    unit : str
        Of value and bound.
    value : number
        Recomputed from the placement.
    bound : number, optional
        No placement that is at least as good on every earlier level has a smaller value.
    gap : number, optional
        ``(value - bound) / value``; 0 when they meet.
    proved_by : str
        Who proved the bound.
    """

    name: str
    unit: str = ""
    value: float
    bound: float | None = None
    gap: float | None = None
    proved_by: str = ""


class ReasonDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why there is no placement.

    Parameters
    ----------
    message : str
        One sentence.
    facts : list of str
        A minimal set of facts that cannot all hold.
    ways_out : list of str
        Changes that make the instance feasible, each verified, cheapest first.
    """

    message: str
    facts: list[str] = []
    ways_out: list[str] = []


class IncumbentDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One improvement during the search.

    Parameters
    ----------
    seconds : number
        Since the search began.
    found_by : str
        Who found it.
    values : list of number
        The value of every level.
    """

    seconds: float
    found_by: str
    values: list[float]


class PlacementDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is where, and what each gets.

    Parameters
    ----------
    placement : dict of str to (str or null)
        The host of every VM; null, or no mention, for a VM without one.
    allocation : dict of str to (dict of str to number)
        What each VM gets of each resource, in the resource's unit.
    cells : dict of str to (list of int)
        The NUMA cells of each VM on a host that has some, from 0.
    """

    placement: dict[str, str | None]
    allocation: dict[str, dict[str, float]] | None = None
    cells: dict[str, list[int]] | None = None


class ResultDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to an instance.

    Parameters
    ----------
    version : 1
        Of the file format.
    status : {"OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNKNOWN"}
        Proved best; a verified placement with a bound; proved impossible; neither.
    objective : number, optional
        Value of the level that counts hosts, their cost or energy; else of the first level.
    bound, gap : number, optional
        The same level's bound and gap.
    unit : str
        Of objective and bound.
    seconds : number
        Solving alone, without reading, naming and writing.
    hosts_used : int, optional
        How many hosts run a VM.
    levels : list of LevelDocument
        Every objective level in order.
    placement : dict of str to (str or null), optional
        The host of every VM, null for a VM without one; missing without an answer.
    allocation : dict of str to (dict of str to number), optional
        What each placed VM gets of each resource, in the resource's unit.
    cells : dict of str to (list of int), optional
        The NUMA cells of each VM on a host that has some, from 0.
    reasons : list of ReasonDocument
        Why there is no placement.
    trace : list of IncumbentDocument
        Every improvement in order: who found what, and when.
    warnings : list of str
        What went wrong on the way without spoiling the answer.
    interrupted : bool
        Whether the user stopped the search.
    failed : bool
        Whether the solver could not be used although it was needed.
    instance : str
        The instance's name.
    settings, versions : dict of str to str
        What was asked for, and what answered.
    """

    version: Literal[1] = 1
    status: StatusWord
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    unit: str = ""
    seconds: float = 0
    hosts_used: int | None = None
    levels: list[LevelDocument] = []
    placement: dict[str, str | None] | None = None
    allocation: dict[str, dict[str, float]] | None = None
    cells: dict[str, list[int]] | None = None
    reasons: list[ReasonDocument] = []
    trace: list[IncumbentDocument] = []
    warnings: list[str] = []
    interrupted: bool = False
    failed: bool = False
    instance: str = ""
    settings: dict[str, str] = {}
    versions: dict[str, str] = {}
