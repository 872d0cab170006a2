"""Folders in the layout that HRM and TRM publish: read, written, fetched by name. docs/data.md has the format.

folder.py reads, passes.py says in which order training sees the examples, writer.py writes; sudoku.py, maze.py and
arc.py make such folders; votes.py, ratings.py and figures.py judge answers as published. NumPy only.
"""
