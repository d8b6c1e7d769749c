"""What the figures are made of: panels, layout, lettering and colours. `figures` puts them together."""
