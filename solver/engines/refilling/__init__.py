"""Refilling: choose the roomiest hosts that a budget pays for, put everything into them by annealing, lower the budget.

The packing question is turned into a feasibility question: which hosts are in use is decided by a
small integer program (`formulations.roomy_mix`), who is where by simulated annealing on the overflow.
"""
