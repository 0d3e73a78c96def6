"""When what is told repeats."""

LULL_NS = 2_500_000_000  # what comes again within this time repeats
LEAST = 3  # times that make a repetition
