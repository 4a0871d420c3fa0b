"""The benchmarks' counts, which are promises."""
