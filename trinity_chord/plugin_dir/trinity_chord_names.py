"""Registers the short names `chord`, `chord_mu` and `chord_phi` where Trinity loads plugins.

Trinity copies this file into its own plugins folder and may load it more than once, in each
process that loads plugins. verl's workers load none: what they look up is named by dotted path.
"""

from trinity_chord.plugin.short_names import register

register()
