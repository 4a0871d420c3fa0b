"""Break everything at once, by a seed, and compare all ledgers afterwards."""
