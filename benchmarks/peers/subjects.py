"""Peers as subjects of the benchmark: metered and judged like placewright itself."""

from __future__ import annotations

from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.subjects.base import Run, Subject, register


def subject_of(peer: Peer) -> Subject:
    """Return a peer as a subject."""

    def command(run: Run) -> list[str]:
        return peer.command(run.problem, run.seconds, run.answer, run.seed)

    return Subject(name=peer.name, what=peer.what, asks="packing", command=command, absent=peer.absent)


for _peer in PEERS.values():
    register(subject_of(_peer))
