"""Registers the short names `chord`, `chord_mu` and `chord_phi` in processes that load plugins.

Trinity copies this file into its own plugins folder, and a process may load it more than once.
verl's workers load no plugins; everything they look up is named by its dotted path.
"""

from trinity_chord.plugin.short_names import register

register()
