"""Shows a run: recorded metrics, one line per step while it trains, curves and peak memory."""
