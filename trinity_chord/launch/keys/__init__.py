"""What `check` knows of each key of a configuration: its type, its range, and its names.

One walk over a configuration (`walk.py`) meets every value with the type that Trinity's or verl's
dataclasses give it (`types.py`), its entry in one table of ranges (`ranges.py`), the registry that
its name is looked up in (`names.py`), and the keys that a free-form mapping takes (`arguments.py`,
`verl.py`). Values that fit alone but not together are found by the short functions of
`relations.py`.
"""
