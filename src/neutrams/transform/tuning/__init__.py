"""Unit-by-unit tuning: each unit is fitted to what the original gives, on what its predecessors really deliver."""
