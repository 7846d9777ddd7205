"""How much of a rule a placement breaks, by a plain reading of the rules' own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from formulations.rules import (
    Among,
    AtLeastDomains,
    AtMostMoves,
    AtMostOn,
    AtMostPerHost,
    Ban,
    Dedicated,
    Depend,
    FaultDomains,
    Fence,
    Gather,
    Ignore,
    Pin,
    Rule,
    Split,
    Spread,
)

if TYPE_CHECKING:
    from tests.oracle import Oracle


def amount(oracle: Oracle, rule: Rule, host_of: Sequence[int]) -> int:  # noqa: PLR0911, PLR0912 -- one case per rule
    """Return the amount broken; -1 in `host_of` is no host."""

    def placed(selectors: Sequence[str]) -> list[int]:
        return [i for i in oracle.vms_called(selectors) if oracle.ruled(i) and host_of[i] >= 0]

    def domains(vms: Sequence[int], level: str) -> set[tuple[str, str | int]]:
        return {oracle.domain(host_of[i], level) for i in vms}

    match rule:
        case Spread():
            vms = placed(rule.vms)
            return len(vms) - len(domains(vms, rule.level))
        case Gather():
            return max(0, len(domains(placed(rule.vms), rule.level)) - 1)
        case AtLeastDomains():
            seen = [i for i in oracle.vms_called(rule.vms) if oracle.ruled(i)]
            vms = placed(rule.vms)
            return max(0, rule.least - len(domains(vms, rule.level)) - (len(seen) - len(vms)))
        case Ban():
            return sum(host_of[i] in oracle.hosts_called(rule.hosts) for i in placed(rule.vms))
        case Fence():
            return sum(host_of[i] not in oracle.hosts_called(rule.hosts) for i in placed(rule.vms))
        case Pin(host=str(host)):
            return sum(host_of[i] not in oracle.hosts_called([host]) for i in placed(rule.vms))
        case Pin():
            return sum(oracle.current[i] not in {-1, host_of[i]} for i in placed(rule.vms))
        case Ignore():
            vms = [i for i in oracle.vms_called(rule.vms) if oracle.current[i] >= 0 and host_of[i] >= 0]
            return sum(host_of[i] != oracle.current[i] for i in vms)
        case Among():
            vms = placed(rule.vms)
            return min(sum(host_of[i] not in oracle.hosts_called(hosts) for i in vms) for hosts in rule.sets)
        case AtMostPerHost():
            there = [host_of[i] for i in placed(rule.vms)]
            return sum(max(0, there.count(j) - rule.most) for j in oracle.hosts_called(rule.hosts))
        case AtMostMoves():
            moved = [i for i in placed(rule.vms) if oracle.current[i] not in {-1, host_of[i]}]
            return max(0, len(moved) - rule.most)
        case AtMostOn():
            return max(0, len(set(host_of) & set(oracle.hosts_called(rule.hosts))) - rule.most)
        case Dedicated():
            vms = placed(rule.vms)
            others = [i for i in placed(["*"]) if i not in vms]
            return len({host_of[i] for i in vms} & {host_of[i] for i in others})
        case Depend():
            held = domains(placed(rule.on), rule.level)
            return sum(oracle.domain(host_of[i], rule.level) not in held for i in placed(rule.vms))
        case Split():
            present = [domains(placed(group), rule.level) for group in rule.groups]
            return sum(sum(there in group for group in present) - 1 for there in set().union(*present))
        case FaultDomains():
            total = 0
            for level in ("host", "rack"):
                present = [domains(placed(group), level) for group in rule.domains]
                named = [there for there in set().union(*present) if there[0] == level]
                total += sum(sum(there in group for group in present) - 1 for there in named)
            return total
