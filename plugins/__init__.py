"""The plugin seam: specs, hooks and the host."""
