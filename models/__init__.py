"""Models: recipes, artefacts, scores with reasons, metrics and tracking; knows no scenario."""
