"""The compiled loops of the heuristics: bins that are alike are one group with a count.

Every loop keeps its state in the arrays that it is given and returns after a limited amount of
work, so that Python can look at the clock and make room where something is full; called again,
it goes on. Compiled code is kept for an entry as long as the file of the entry does not change:
whoever edits a loop that entries of other files call removes ``__pycache__``.
"""
