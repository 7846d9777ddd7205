"""The checkers: replay start-up orders, dispatch tables and migration plans; share no code with their makers."""
