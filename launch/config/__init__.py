"""The configuration of a run: options, presets, flags."""
