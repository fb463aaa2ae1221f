"""The page: its template, style and scripts, and how they become one file."""
