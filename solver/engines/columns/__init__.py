"""Column generation: the strong bound of the pattern model, and packings made from its columns."""
