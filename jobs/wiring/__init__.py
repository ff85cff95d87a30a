"""From settings to the recipes that the layers below take as arguments."""
