"""Networks handed over to other tools."""
