"""What the computer itself gives a chart: the time of day, chance."""
