"""The words of the product as plain values."""
