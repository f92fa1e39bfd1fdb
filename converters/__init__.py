"""Turns folders, lists, tables and series into packs."""
