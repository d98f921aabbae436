"""`make throughput`: how many task functions a second, beside worker pools on the same machine. No test."""
