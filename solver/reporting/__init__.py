"""Reports of instances, results and verdicts: text for people, JSON for programs, pictures."""
