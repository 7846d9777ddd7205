"""From rows to tables, profiles and curves that show who answers how well and how soon."""
