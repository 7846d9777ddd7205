"""NUMA packing: column generation over the fillings of hosts with cells, and names for what it packs."""
