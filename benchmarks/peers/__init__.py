"""Other solvers on the same instances, each in an environment and a process of its own."""
