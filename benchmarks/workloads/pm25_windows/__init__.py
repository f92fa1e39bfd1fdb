"""A CNN over 24 h windows of air and weather."""
