"""NUMA packing: pricing, bounds and names agree with brute force."""
