"""One module per public source: from its rows to candidates."""
