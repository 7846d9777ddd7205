"""How well: measurements of placewright, side by side with other ways. Not in the wheel."""
