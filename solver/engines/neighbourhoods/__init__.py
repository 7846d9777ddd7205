"""Neighbourhood search: free a few hosts, solve their exact sub-problem, repeat; refill all hosts where that can be."""

from solver.engines.neighbourhoods.search import NeighbourhoodSearch
from solver.engines.neighbourhoods.together import ParallelSearch

__all__ = ["NeighbourhoodSearch", "ParallelSearch"]
