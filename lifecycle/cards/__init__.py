"""The card of a model version, as a page and as Markdown."""
