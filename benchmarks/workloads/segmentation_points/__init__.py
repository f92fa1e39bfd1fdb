"""Segmentation of street scenes, refined at single points and weighted by distance maps."""
