"""Does the judge judge right: mirrors ``solver.verifying``."""
